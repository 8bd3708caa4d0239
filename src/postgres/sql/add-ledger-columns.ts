import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/**
 * What the first ledgers did not have: where counting began, what became of the offsets from there up to `next_offset`
 * (see `passed-offsets.ts`), and the table that the sink writes to.
 */
export const ADDED_COLUMNS = [
  'first_offset',
  'stored_rows',
  'dead_letters',
  'filtered',
  'added',
  'target',
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
  add column if not exists target text`)
  await client.query(`update ${qualified(ledger)} set first_offset = next_offset where first_offset is null`)
}
