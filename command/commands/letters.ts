/** Which dead letters, and as JSON: what the commands about dead letters share. */
import { options as letterOptions } from '../../nodes/tenant-dead-letter-source/options'
import { jsonBytes, jsonHeaders } from '../../src/record/json-bytes'
import { unshownHeaders } from '../../src/record/header-text'
import type { KafkaFields } from '../../src/wire/message'

const { schema, table, tenant, reason, from, to } = letterOptions

export const LETTER_OPTIONS = {
  schema: { reads: schema, value: 'NAME', what: 'the schema of the table' },
  table: { reads: table, value: 'NAME', what: 'the table of dead letters' },
  tenant: { reads: tenant, value: 'NAME', what: 'only those of this tenant' },
  reason: {
    reads: reason,
    value: 'CODE',
    what: 'only those with this reason, such as JSON_INVALID, as the list has it',
  },
  from: {
    reads: from,
    value: 'TIME',
    what: 'only those that failed then or later, such as 2026-11-20T08:00:00Z',
  },
  to: { reads: to, value: 'TIME', what: 'only those that failed before' },
} as const

/** An entry of the list of `tenant-dead-letter-source`, without loss: see `json-bytes.ts`. */
export function letterJson(entry: Readonly<Record<string, unknown>>): object {
  const { payload, kafka, headers, ...others } = entry
  const { key, ...position } = (kafka ?? {}) as KafkaFields
  return {
    ...others,
    kafka: { ...position, key: jsonBytes(key) },
    headers: jsonHeaders(unshownHeaders(headers as Readonly<Record<string, string | readonly string[]>>)),
    payload: jsonBytes(payload as Buffer | null),
  }
}
