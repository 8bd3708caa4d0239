/**
 * Bytes in a JSON text, without loss: UTF-8 is a text, anything else is `{ "base64": "…" }`. A reader tells the two apart by
 * their type.
 */
import { readText } from './header-text'

export type JsonBytes = string | { readonly base64: string } | null

export function jsonBytes(value: string | Uint8Array | null | undefined): JsonBytes {
  if (value === null || value === undefined) return null
  const text = readText(value)
  return typeof text === 'string' ? text : { base64: text.toString('base64') }
}

type Headers = Readonly<Record<string, string | Buffer | readonly (string | Buffer)[]>>

/** A name with several values keeps all of them. */
export function jsonHeaders(headers: Headers): Readonly<Record<string, JsonBytes | JsonBytes[]>> {
  const entries = Object.entries(headers).map(([name, value]): [string, JsonBytes | JsonBytes[]] => [
    name,
    typeof value === 'string' || Buffer.isBuffer(value) ? jsonBytes(value) : value.map(jsonBytes),
  ])
  return Object.fromEntries(entries)
}
