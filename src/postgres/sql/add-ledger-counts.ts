import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** Where counting began, and what became of the offsets from there up to `next_offset`; see `passed-offsets.ts`. */
export const LEDGER_COUNTS = ['first_offset', 'stored_rows', 'dead_letters', 'filtered', 'added'] as const

/** In a ledger that has positions already, counting begins where each of them is. */
export async function addLedgerCounts(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
alter table ${qualified(ledger)}
  add column if not exists first_offset bigint,
  add column if not exists stored_rows bigint not null default 0,
  add column if not exists dead_letters bigint not null default 0,
  add column if not exists filtered bigint not null default 0,
  add column if not exists added bigint not null default 0`)
  await client.query(`update ${qualified(ledger)} set first_offset = next_offset where first_offset is null`)
}
