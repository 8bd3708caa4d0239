/**
 * Times as PostgreSQL takes them. A device's own time is parsed and checked here and never handed to PostgreSQL as
 * text, which would accept `now`, `infinity` and years that no partition covers. The size of a number and the type of its
 * column determine its unit; a number that may be in two units is no time.
 */
import { readInstant, zoneOffsetMs, type Instant } from '../../time/instant'

export const DAY_MS = 86_400_000

const TICKS_PER_MS = 1000

/** Which instants are accepted, in days before and after now. */
export interface TimeBounds {
  readonly pastDays: number
  readonly futureDays: number
}

export function isWithin({ pastDays, futureDays }: TimeBounds, timeMs: number, nowMs: number): boolean {
  return timeMs >= nowMs - pastDays * DAY_MS && timeMs <= nowMs + futureDays * DAY_MS
}

/** The text of an instant in milliseconds, with its microseconds, for a `timestamptz` or a `timestamp`. */
export function timeText(timeMs: number): string {
  const ms = Math.floor(timeMs)
  return instantText({ ms, micros: Math.min(999, Math.round((timeMs - ms) * TICKS_PER_MS)) })
}

export function instantText({ ms, micros }: Instant): string {
  // ECMAScript puts a sign before a year of six digits, which PostgreSQL takes for a time zone.
  const text = new Date(ms).toISOString().replace(/^\+0*/, '')
  return micros === 0 ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

/** Days since 1970 up to here, from 1696 to 2243, are no seconds that a device could mean. */
const LARGEST_DAY = 100_000

/** For a column of the type `date`: the day of an instant in UTC, or a number of days since 1970, as Debezium has it. */
export function dateText(value: unknown): string | undefined {
  const isDay = typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < LARGEST_DAY
  const instant = isDay ? { ms: value * DAY_MS, micros: 0 } : readInstant(value)
  return instant && instantText(instant).split('T')[0]
}

const CLOCK = /^([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/i

/**
 * Microseconds of the day, as Debezium has them: from 02:46:40 on, where they are no seconds since 1970. What is less
 * could be those, or milliseconds of the day, too.
 */
const FIRST_MICROS_OF_DAY = 1e10

/**
 * A time of day: `14:30`, with seconds and a time zone or without, a number of microseconds of the day, or the time
 * of an instant with its date. A text without a time zone is UTC.
 * @param keepsZone whether the column holds a time zone: into one that does not goes the time in UTC
 */
export function clockText(value: unknown, keepsZone: boolean): string | undefined {
  if (typeof value === 'string') {
    const clock = CLOCK.exec(value.trim())
    if (clock !== null) return clockOf(clock, keepsZone)
  }
  if (value === 0) return '00:00:00Z'
  const number = typeof value === 'number' ? value : undefined
  if (number !== undefined && number >= FIRST_MICROS_OF_DAY && number < DAY_MS * TICKS_PER_MS) {
    return Number.isInteger(number) ? clockAt(number) : undefined
  }
  if (mayBeMicrosOfDay(value)) return undefined
  const instant = readInstant(value)
  return instant && instantText(instant).split('T')[1]
}

function mayBeMicrosOfDay(value: unknown): boolean {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\s*[\d.]+\s*$/.test(value))
  return isNumber && Number(value) < FIRST_MICROS_OF_DAY
}

function clockOf(clock: RegExpExecArray, keepsZone: boolean): string | undefined {
  const [, hours, minutes, seconds = '00', fraction = '', zone] = clock
  const micros = fraction.slice(0, 6)
  const text = `${hours}:${minutes}:${seconds}${micros === '' ? '' : `.${micros}`}`
  const offsetMs = zoneOffsetMs(zone)
  if (offsetMs === undefined) return undefined
  if (offsetMs === 0 || keepsZone) return `${text}${zone === undefined ? 'Z' : zone}`
  const ofDay = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1e6
  const dayMicros = DAY_MS * TICKS_PER_MS
  const utc = ofDay + Number(micros.padEnd(6, '0')) - offsetMs * TICKS_PER_MS
  return clockAt((utc + dayMicros) % dayMicros)
}

function clockAt(microsOfDay: number): string | undefined {
  return timeText(microsOfDay / TICKS_PER_MS).split('T')[1]
}

/** The text of a time with at most this many digits of a second. */
export function cutText(text: string, digits: number): string {
  return text.replace(/\.(\d+)/, (_, fraction: string) =>
    digits === 0 ? '' : `.${fraction.slice(0, digits)}`,
  )
}

/** How many digits of a second a text has, without zeros at the end. */
export function secondDigits(text: string): number {
  return /\.(\d*?)0*(?:Z|[+-]|$)/.exec(text)?.[1]?.length ?? 0
}

const WORDS_FOR_TIMES = /(?<![a-z])(?:now|today|tomorrow|yesterday|epoch|infinity|allballs)(?![a-z])/i

/** Whether PostgreSQL would find a word that stands for a time in a text of several values. */
export function namesATime(text: string): boolean {
  // There quotes and backslashes may stand within a word, and are taken out of it.
  return WORDS_FOR_TIMES.test(text.replace(/["\\]/g, ''))
}
