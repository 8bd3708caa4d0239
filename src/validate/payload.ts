/** The payload of a record as a value: bytes and text are opened as JSON, once; a value of the flow is taken as it is. */
import { isUtf8 } from 'node:buffer'

export interface OpenedPayload {
  readonly value: unknown
  /** As it came, when it was bytes or text; the value then belongs to the node alone. */
  readonly text: string | undefined
}

/** @returns a sentence's end and a code for what cannot be opened */
export function openPayload(
  payload: unknown,
): OpenedPayload | { readonly code: 'UTF8_INVALID' | 'JSON_INVALID'; readonly why: string } {
  if (typeof payload === 'string') return openText(payload)
  if (!ArrayBuffer.isView(payload)) return { value: payload ?? null, text: undefined }
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (!isUtf8(bytes)) return { code: 'UTF8_INVALID', why: 'the payload is not UTF-8, so it is not JSON' }
  return openText(bytes.toString('utf8'))
}

function openText(text: string): ReturnType<typeof openPayload> {
  try {
    return { value: JSON.parse(text) as unknown, text }
  } catch {
    return { code: 'JSON_INVALID', why: text === '' ? 'the payload is empty' : 'the payload is not JSON' }
  }
}
