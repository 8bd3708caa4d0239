import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

/** Compare and set: an owner that has lost the partition without knowing it updates nothing. */
export async function movePosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition }: LedgerKey,
  from: number,
  to: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `\
update ${qualified(ledger)}
   set next_offset = $7, updated_at = now()
 where consumer_group = $1 and sink = $2 and cluster_id = $3 and topic = $4 and "partition" = $5
   and next_offset = $6`,
    [group, sink, clusterId, topic, partition, from, to],
  )
  return rowCount === 1
}
