/**
 * What `format` and `uniqueItems` check. Values come from devices, so each of these takes time in proportion to the length of
 * a value: the usual collections of formats have expressions of which that is not known, and the validator's own
 * `uniqueItems` compares each element with each other one.
 */
import { isIPv4, isIPv6 } from 'node:net'

const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)$/i
const DATE_TIME = /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)$/i
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const ZERO = 0x30
const DAY_AT = 8
const TIME_AT = 11

/** Most records have a time, so these read digits in place: a match with groups takes four times as long. */
const twoDigits = (text: string, at: number): number =>
  (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO

/** A day of the calendar: 30 February is none. */
function hasDay(text: string): boolean {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const last = month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0)
  const day = twoDigits(text, DAY_AT)
  return day >= 1 && day <= last
}

/** The second 60 is the one that is inserted now and then. */
function hasTime(text: string, at: number): boolean {
  if (twoDigits(text, at) > 23 || twoDigits(text, at + 3) > 59 || twoDigits(text, at + 6) > 60) return false
  if (/z$/i.test(text)) return true
  return twoDigits(text, text.length - 5) < 24 && twoDigits(text, text.length - 2) < 60
}

export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  // RFC 3339, §5.6.
  'date-time': (text) => DATE_TIME.test(text) && hasDay(text) && hasTime(text, TIME_AT),
  date: (text) => DATE.test(text) && hasDay(text),
  time: (text) => TIME.test(text) && hasTime(text, 0),
  uuid: (text) => UUID.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
}

/** Whether no element of a list is there twice. @throws RangeError for a value that is nested deeper than the stack */
export function areUnique(list: readonly unknown[]): boolean {
  const seen = new Set<unknown>()
  for (const element of list) {
    const known = typeof element === 'object' && element !== null ? canonical(element) : element
    // A text that looks like one of an object is another value.
    const key = typeof element === 'string' ? `"${element}` : known
    if (seen.has(key)) return false
    seen.add(key)
  }
  return true
}

/** The same text for values that JSON Schema calls equal: the order of an object's properties does not matter. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value === 0 ? 0 : value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`
}
