import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/**
 * What the first ledgers did not have: where counting began, what became of the offsets from there up to `next_offset`
 * (see `passed-offsets.ts`), the table that the sink writes to, and the time of the record before a consumer's position, in
 * milliseconds since 1970.
 */
export const ADDED_COLUMNS = [
  'first_offset',
  'stored_rows',
  'dead_letters',
  'filtered',
  'added',
  'target',
  'last_timestamp',
] as const

/** In a ledger that has positions already, counting begins where each of them is. */
export async function addLedgerColumns(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
alter table ${qualified(ledger)}
  add column if not exists first_offset bigint,
  add column if not exists stored_rows bigint not null default 0,
  add column if not exists dead_letters bigint not null default 0,
  add column if not exists filtered bigint not null default 0,
  add column if not exists added bigint not null default 0,
  add column if not exists target text,
  add column if not exists last_timestamp bigint`)
  await client.query(`update ${qualified(ledger)} set first_offset = next_offset where first_offset is null`)
}
