/**
 * The instant that a row belongs to. A device's own time is parsed and checked here and never handed to
 * PostgreSQL as text, which would accept `now`, `infinity` and years that no partition covers.
 */

export const DAY_MS = 86_400_000

/** Below it a number is seconds since 1970 (until the year 5138), from it on milliseconds (from March 1973). */
const MILLISECONDS_FROM = 1e11

/** The year 1: earlier ones PostgreSQL writes with BC. */
const EARLIEST_MS = -62_135_596_800_000

/** The last instant that a `Date` can hold. */
const LATEST_MS = 8.64e15

/** PostgreSQL keeps microseconds; what is finer is cut off, as it may not round a row into the next day. */
const TICKS_PER_MS = 1000

const ISO_8601 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** Which instants are accepted: so many days before and after now. */
export interface TimeBounds {
  readonly pastDays: number
  readonly futureDays: number
}

export function isWithin({ pastDays, futureDays }: TimeBounds, timeMs: number, nowMs: number): boolean {
  return timeMs >= nowMs - pastDays * DAY_MS && timeMs <= nowMs + futureDays * DAY_MS
}

/**
 * Reads a time: a `Date`, seconds or milliseconds since 1970 (a number, or digits as text), or ISO 8601. A text
 * without a time zone is UTC.
 * @returns milliseconds since 1970, in whole microseconds, or `undefined` when it is no time
 */
export function parseTime(value: unknown): number | undefined {
  if (value instanceof Date) return readable(value.getTime())
  if (typeof value === 'number') return fromEpoch(value)
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (/^\d{1,16}(\.\d+)?$/.test(text)) return fromEpoch(Number(text))
  return fromIso(text)
}

function fromEpoch(value: number): number | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined
  const timeMs = value < MILLISECONDS_FROM ? value * 1000 : value
  return timeMs > LATEST_MS ? undefined : Math.round(timeMs * TICKS_PER_MS) / TICKS_PER_MS
}

/** The text of a time that `parseTime` has read for a `timestamptz`, with its microseconds. */
export function timeText(timeMs: number): string {
  // ECMAScript puts a sign before a year of six digits, which PostgreSQL takes for a time zone.
  const text = new Date(Math.floor(timeMs)).toISOString().replace(/^\+0*/, '')
  if (Number.isInteger(timeMs)) return text
  const microseconds = Math.min(999, Math.round((timeMs - Math.floor(timeMs)) * TICKS_PER_MS))
  return `${text.slice(0, -1)}${String(microseconds).padStart(3, '0')}Z`
}

function fromIso(text: string): number | undefined {
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
  const utc = Date.UTC(year, month - 1, day, hour, minute, second)
  const fraction = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0')) / TICKS_PER_MS
  const date = new Date(utc)
  // 30 February and 25 o'clock would be moved to another day in silence; only second 60 is common enough to allow.
  const sameDay = date.getUTCDate() === day || second === 60
  if (month < 1 || month > 12 || !sameDay || hour > 24 || minute > 59 || second > 60) return undefined
  if (hour > 23 || day === 0) return undefined
  const offset = zoneOffsetMs(match[8])
  return offset === undefined ? undefined : readable(utc - offset + fraction)
}

function zoneOffsetMs(zone: string | undefined): number | undefined {
  if (zone === undefined || /^z$/i.test(zone)) return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  if (hours > 15 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

const CLOCK = /^([01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d\d(?::?\d\d)?)?$/i
const HAS_ZONE = /(?:Z|[+-]\d\d(?::?\d\d)?)$/i

/**
 * Reads a time of day: `14:30`, with seconds and a time zone or without, or the one of an instant as `parseTime`
 * reads it. A text without a time zone is UTC.
 * @returns text for a column of the type `time` or `timetz`
 */
export function clockText(value: unknown): string | undefined {
  if (typeof value === 'string' && CLOCK.test(value.trim())) {
    const text = value.trim()
    return HAS_ZONE.test(text) ? text : `${text}Z`
  }
  const timeMs = parseTime(value)
  return timeMs === undefined ? undefined : timeText(timeMs).split('T')[1]
}

const WORDS_FOR_TIMES = /(?<![a-z])(?:now|today|tomorrow|yesterday|epoch|infinity|allballs)(?![a-z])/i

/** Whether PostgreSQL would find a word that stands for a time in the text of an array or a range. */
export function namesATime(text: string): boolean {
  // There quotes and backslashes may stand within a word, and are taken out of it.
  return WORDS_FOR_TIMES.test(text.replace(/["\\]/g, ''))
}

function readable(timeMs: number): number | undefined {
  return timeMs >= EARLIEST_MS ? timeMs : undefined
}
