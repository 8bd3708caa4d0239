import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'
import type { PassedOffsets } from '../passed-offsets'

/** Compare and set: an owner that has lost the partition without knowing it updates nothing. */
export async function movePosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition }: LedgerKey,
  from: number,
  to: number,
  { rows, deadLetters, filtered, added }: PassedOffsets,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `\
update ${qualified(ledger)}
   set next_offset = $7, updated_at = now(), stored_rows = stored_rows + $8, dead_letters = dead_letters + $9,
       filtered = filtered + $10, added = added + $11
 where consumer_group = $1 and sink = $2 and cluster_id = $3 and topic = $4 and "partition" = $5
   and next_offset = $6`,
    [group, sink, clusterId, topic, partition, from, to, rows, deadLetters, filtered, added],
  )
  return rowCount === 1
}
