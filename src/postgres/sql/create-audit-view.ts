import type { ClientBase } from 'pg'
import { auditView, qualified, type TableName } from '../identifiers'

/**
 * One line for each position: what was passed, and what became of it. `unaccounted` is 0 when nothing is missing and
 * nothing there twice; it is NULL while an older version of this package writes without counting. A consumer's own
 * position counts nothing, and is left out.
 */
export async function createAuditView(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
create or replace view ${qualified(auditView(ledger))} as
select consumer_group, sink, cluster_id, topic, "partition", first_offset, next_offset,
       next_offset - first_offset as advanced,
       stored_rows, dead_letters, filtered, added,
       next_offset - first_offset + added - stored_rows - dead_letters - filtered as unaccounted,
       updated_at
  from ${qualified(ledger)}
 where sink <> ''`)
}
