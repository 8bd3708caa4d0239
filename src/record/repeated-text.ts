/**
 * Texts that come again and again: tenants, projects, devices and topics of the records that are read. Each is made once
 * and then found by its bytes, which takes less time, and the records in flight share it: all of them live until
 * their transaction is committed.
 *
 * A table with one place for each remainder of the hash: what does not fit takes the place of what was there. So it never
 * grows, and names that anyone may choose cost at most what they would without it.
 */
import type { HeaderText } from '../wire/message'
import { readTextAt } from './header-text'

/** A power of two. */
const PLACES = 2048
/** Topics are longer than names; a longer text is made faster than it is compared. */
const MAX_BYTES = 96

const texts: string[] = new Array<string>(PLACES).fill('')

/** As `readTextAt`. */
export function readRepeatedTextAt(bytes: Buffer, start: number, end: number): HeaderText {
  if (end - start > MAX_BYTES) return readTextAt(bytes, start, end)
  let hash = 0
  let all = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    hash = (Math.imul(hash, 31) + byte) | 0
    all |= byte
  }
  // Beyond ASCII a character is not a byte.
  if (all > 0x7f) return readTextAt(bytes, start, end)
  const place = (hash ^ (hash >>> 15)) & (PLACES - 1)
  const text = texts[place] as string
  return isAt(text, bytes, start, end) ? text : (texts[place] = bytes.toString('latin1', start, end))
}

function isAt(text: string, bytes: Buffer, start: number, end: number): boolean {
  const { length } = text
  if (length !== end - start) return false
  for (let index = 0; index < length; index++)
    if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}

/** Up to here, digits are always a whole number that JavaScript holds. */
const MAX_DIGITS = 15

/** The number that digits stand for; `undefined` when there are too many, none, or anything else. */
export function readDigitsAt(bytes: Buffer, start: number, end: number): number | undefined {
  if (end === start || end - start > MAX_DIGITS) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}
