import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'
import type { PassedOffsets } from '../passed-offsets'

/**
 * Compare and set: an owner that has lost the partition without knowing it updates nothing, and neither does a sink that
 * writes to another table.
 */
export async function movePosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition, target }: LedgerKey,
  from: number,
  to: number,
  { rows, deadLetters, filtered, added }: PassedOffsets,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `\
update ${qualified(ledger)}
   set next_offset = $7, updated_at = now(), stored_rows = stored_rows + $8, dead_letters = dead_letters + $9,
       filtered = filtered + $10, added = added + $11, target = coalesce($12, target)
 where consumer_group = $1 and sink = $2 and cluster_id = $3 and topic = $4 and "partition" = $5
   and next_offset = $6 and (target is null or target = coalesce($12, target))`,
    [group, sink, clusterId, topic, partition, from, to, rows, deadLetters, filtered, added, target],
  )
  return rowCount === 1
}
