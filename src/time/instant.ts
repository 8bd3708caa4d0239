/**
 * The one reader of times that come from outside: devices, other producers, options, messages. A text without a time
 * zone is UTC wherever it is read; `Date.parse` would take it for the time zone of the machine.
 */

/** The year 1: earlier ones PostgreSQL writes with BC. */
const EARLIEST_MS = -62_135_596_800_000

const ISO_8601 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

const EPOCH = /^(\d{1,19})(?:\.(\d+))?$/

/**
 * Units of a number since 1970, with the power of ten that a second has of them. Each is known by its size: a number
 * is a time from March 1973 to November 2286 in at most one of them, and a number of none is no time.
 */
const UNITS = [0, 3, 6, 9] as const
const FIRST_SECONDS = 1e8
const LAST_SECONDS = 1e10

/** A number of milliseconds since 1970 does not hold the microseconds of every year. */
export interface Instant {
  /** Whole milliseconds since 1970. */
  readonly ms: number
  /** From 0 to 999. */
  readonly micros: number
}

/**
 * Reads a time: a `Date`; seconds, milliseconds, microseconds or nanoseconds since 1970 (a number, or digits as text
 * or as bytes); or ISO 8601. What is finer than a microsecond is cut off.
 * @returns `undefined` when it is no time
 */
export function readInstant(value: unknown): Instant | undefined {
  if (value instanceof Date) return readable({ ms: value.getTime(), micros: 0 })
  if (typeof value === 'number') return fromEpoch(String(value))
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value
  if (typeof text !== 'string') return undefined
  const trimmed = text.trim()
  return fromEpoch(trimmed) ?? fromIso(trimmed)
}

/** As `readInstant`, in milliseconds since 1970: exact to the microsecond up to the year 2248. */
export function parseInstant(value: unknown): number | undefined {
  const instant = readInstant(value)
  return instant && instant.ms + instant.micros / 1000
}

function fromEpoch(text: string): Instant | undefined {
  const [, whole, fraction = ''] = EPOCH.exec(text) ?? []
  if (whole === undefined) return undefined
  const value = Number(text)
  if (value === 0) return { ms: 0, micros: 0 }
  const power = UNITS.find(
    (power) => value >= FIRST_SECONDS * 10 ** power && value < LAST_SECONDS * 10 ** power,
  )
  if (power === undefined) return undefined
  // As text: nanoseconds since 1970 are more than a number holds.
  const digits = whole.replace(/^0+/, '')
  const micros = (digits + fraction.padEnd(6, '0')).slice(0, digits.length + 6 - power)
  return { ms: Number(micros.slice(0, -3)), micros: Number(micros.slice(-3)) }
}

function fromIso(text: string): Instant | undefined {
  const match = ISO_8601.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  // 30 February would become another day in silence, and the year 24 the year 1924.
  const date = new Date(Date.UTC(year, month - 1, day))
  const isDay =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  // The second 60 is common enough to allow: it is the one after 59.
  if (!isDay || hour > 23 || minute > 59 || second > 60) return undefined
  const offset = zoneOffsetMs(match[8])
  if (offset === undefined) return undefined
  const fraction = (match[7] ?? '').padEnd(6, '0')
  const ms = Date.UTC(year, month - 1, day, hour, minute, second) - offset + Number(fraction.slice(0, 3))
  return readable({ ms, micros: Number(fraction.slice(3, 6)) })
}

/** `Z`, `+05:30` and the like; none is UTC. `undefined` for what no clock on Earth shows. */
export function zoneOffsetMs(zone: string | undefined): number | undefined {
  if (zone === undefined || /^z$/i.test(zone)) return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  if (hours > 15 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

function readable(instant: Instant): Instant | undefined {
  return instant.ms >= EARLIEST_MS ? instant : undefined
}
