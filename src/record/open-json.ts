/** A payload of bytes or text as the JSON value that it is. */
import { isUtf8 } from 'node:buffer'

export interface OpenedJson {
  readonly value: unknown
  /** As it came: JavaScript cannot hold all that stands in it. */
  readonly text: string
}

/** Of bytes that are not UTF-8 a part would be replaced in silence. */
export type NotJson = 'UTF8_INVALID' | 'JSON_INVALID'

export function openJson(payload: string | Uint8Array): OpenedJson | NotJson {
  const text = typeof payload === 'string' ? payload : textOf(payload)
  if (text === undefined) return 'UTF8_INVALID'
  try {
    return { value: JSON.parse(text) as unknown, text }
  } catch {
    return 'JSON_INVALID'
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
