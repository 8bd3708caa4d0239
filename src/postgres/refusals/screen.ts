/**
 * Finds payloads that PostgreSQL is certain to refuse, without asking it: used once a batch has been refused, so that a
 * tenant that sends rubbish costs one look at each payload and not one statement for each row.
 *
 * It may pass what PostgreSQL refuses (a number that is too large, brackets that are too deep), never the other way
 * round: both read JSON by RFC 8259, and all that `jsonb` refuses beyond that are escapes.
 */
import { isUtf8 } from 'node:buffer'
import type { PayloadType } from '../rows/columns'
import type { Reason } from '../rows/rejected'

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
  return type === 'text' ? undefined : refusedJson(payload, type)
}

const NUL: Reason = { code: 'NUL_BYTE', text: 'the payload has a NUL byte, which PostgreSQL cannot store' }

function refusedJson(payload: string | Uint8Array, type: 'jsonb' | 'json'): Reason | undefined {
  if (payload.length === 0)
    return { code: 'JSON_INVALID', text: 'the payload is empty, and the column holds JSON' }
  const text = typeof payload === 'string' ? payload : asText(payload)
  try {
    JSON.parse(text)
  } catch {
    return { code: 'JSON_INVALID', text: 'the payload is not JSON' }
  }
  return type === 'jsonb' && text.includes('\\u') ? refusedEscape(text) : undefined
}

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|.)/g

/** In valid JSON: an escape for a character that `jsonb` cannot hold, with PostgreSQL's own code. */
function refusedEscape(text: string): Reason | undefined {
  /** Where the second half of a surrogate pair has to follow. */
  let awaitedAt = -1
  for (const { 1: digits, 0: escape, index } of text.matchAll(ESCAPE)) {
    const code = digits === undefined ? -1 : parseInt(digits, 16)
    const isSecondHalf = code >= 0xdc00 && code <= 0xdfff
    if (isSecondHalf !== (index === awaitedAt) || (awaitedAt >= 0 && index !== awaitedAt)) return HALF_PAIR
    if (code === 0) return ESCAPED_NUL
    awaitedAt = code >= 0xd800 && code <= 0xdbff ? index + escape.length : -1
  }
  return awaitedAt >= 0 ? HALF_PAIR : undefined
}

const HALF_PAIR: Reason = {
  code: '22P02',
  text: 'the payload has half of a surrogate pair, which jsonb cannot hold',
}
const ESCAPED_NUL: Reason = { code: '22P05', text: 'the payload has \\u0000, which jsonb cannot hold' }
