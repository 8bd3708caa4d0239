/**
 * Looks for payloads that PostgreSQL is certain to refuse, without asking it: used once a batch has been refused,
 * so that a tenant who sends rubbish costs one look at each payload and not one statement for each row.
 *
 * It may pass what PostgreSQL refuses (half of a surrogate pair, a number that is too large), never the other way
 * round: both read JSON by RFC 8259.
 */
import { isUtf8 } from 'node:buffer'
import type { PayloadType } from './columns'
import type { Reason } from './rejected'

export function refusedPayload(payload: unknown, type: PayloadType): Reason | undefined {
  if (type === 'bytea') return undefined
  if (payload instanceof Uint8Array) {
    if (payload.includes(0)) return NUL
    if (!isUtf8(payload)) return { code: 'UTF8_INVALID', text: 'the payload is not UTF-8' }
  } else if (typeof payload === 'string') {
    if (payload.includes('\0')) return NUL
  } else {
    return undefined
  }
  return type === 'text' ? undefined : refusedJson(payload)
}

const NUL: Reason = { code: 'NUL_BYTE', text: 'the payload has a NUL byte, which PostgreSQL cannot store' }

function refusedJson(payload: string | Uint8Array): Reason | undefined {
  if (payload.length === 0)
    return { code: 'JSON_INVALID', text: 'the payload is empty, and the column holds JSON' }
  try {
    JSON.parse(typeof payload === 'string' ? payload : Buffer.from(payload).toString('utf8'))
    return undefined
  } catch {
    return { code: 'JSON_INVALID', text: 'the payload is not JSON' }
  }
}
