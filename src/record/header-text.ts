/**
 * Bytes that should be text, such as the headers of a Kafka record. What is UTF-8 becomes text and nothing else does:
 * a replacement character would make one tenant, device or id of two.
 */
import { isUtf8 } from 'node:buffer'
import type { HeaderText } from '../wire/message'

type Headers<Value> = Record<string, Value | readonly Value[]>

/** Text, or the bytes as they are when they are not UTF-8: a text column refuses these, and `bytea` takes them. */
export function readText(value: string | Uint8Array): HeaderText {
  if (typeof value === 'string') return value
  const bytes =
    value instanceof Buffer ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const text = bytes.toString()
  // Most texts have no replacement character, and need no second look.
  return !text.includes('\ufffd') || isUtf8(bytes) ? text : bytes
}

/** The same of a part of some bytes. */
export function readTextAt(bytes: Buffer, start: number, end: number): HeaderText {
  const text = bytes.toString('utf8', start, end)
  return text.includes('\ufffd') ? readText(bytes.subarray(start, end)) : text
}

/** The name of a header, which a record needs as text; of other bytes their hexadecimal digits, so that no two become one. */
export function readName(bytes: Uint8Array): string {
  const name = readText(bytes)
  return typeof name === 'string' ? name : shownText(name)
}

/** A text of this form is shown as its bytes, too, so that what was shown can be told from what was sent. */
const SHOWN = /^\\x((?:[0-9a-f]{2})+) \(bytes\)$/

/**
 * Where there is room for text alone: what PostgreSQL cannot keep as text becomes `\x61e9 (bytes)`, the bytes in
 * hexadecimal, as it shows them itself.
 */
export function shownText(value: string | Uint8Array): string {
  const text = readText(value)
  if (typeof text === 'string' && !text.includes('\0') && !SHOWN.test(text)) return text
  return `\\x${Buffer.from(text).toString('hex')} (bytes)`
}

/** What `shownText` was given. */
export function unshownText(text: string): HeaderText {
  const [, digits] = SHOWN.exec(text) ?? []
  return digits === undefined ? text : readText(Buffer.from(digits, 'hex'))
}

/** The headers of a dead letter as they were. */
export function unshownHeaders(shown: Readonly<Headers<string>>): Headers<HeaderText> {
  // Their names are anyone's, `__proto__` among them.
  const headers = Object.create(null) as Headers<HeaderText>
  for (const [name, value] of Object.entries(shown)) {
    headers[String(unshownText(name))] =
      typeof value === 'string' ? unshownText(value) : value.map(unshownText)
  }
  return { ...headers }
}
