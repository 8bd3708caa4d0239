import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

/** After the rows: some were refused, or did not reach the table. The numbers are added, and may be below 0. */
export async function correctCounts(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition }: LedgerKey,
  rows: number,
  deadLetters: number,
): Promise<void> {
  await client.query(
    `\
update ${qualified(ledger)}
   set stored_rows = stored_rows + $6, dead_letters = dead_letters + $7
 where consumer_group = $1 and sink = $2 and cluster_id = $3 and topic = $4 and "partition" = $5`,
    [group, sink, clusterId, topic, partition, rows, deadLetters],
  )
}
