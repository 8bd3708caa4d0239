/** The payload of a record as a value: bytes and text are opened as JSON, once; a value of the flow is taken as it is. */
import { openJson, type NotJson } from '../record/open-json'

export interface OpenedPayload {
  readonly value: unknown
  /** As it came, when it was bytes or text; the value then belongs to the node alone. */
  readonly text: string | undefined
}

/** @returns a sentence's end and a code for what cannot be opened */
export function openPayload(
  payload: unknown,
): OpenedPayload | { readonly code: NotJson; readonly why: string } {
  if (typeof payload !== 'string' && !ArrayBuffer.isView(payload)) {
    return { value: payload ?? null, text: undefined }
  }
  const given =
    typeof payload === 'string'
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const opened = openJson(given)
  return typeof opened === 'string' ? { code: opened, why: whyNot(opened, given.length === 0) } : opened
}

function whyNot(code: NotJson, isEmpty: boolean): string {
  if (code === 'UTF8_INVALID') return 'the payload is not UTF-8, so it is not JSON'
  return isEmpty ? 'the payload is empty' : 'the payload is not JSON'
}
