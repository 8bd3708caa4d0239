import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

/** The first position of a partition; inserts nothing when there is one already. */
export async function startPosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition }: LedgerKey,
  to: number,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `\
insert into ${qualified(ledger)} (consumer_group, sink, cluster_id, topic, "partition", next_offset)
values ($1, $2, $3, $4, $5, $6)
on conflict (consumer_group, sink, cluster_id, topic, "partition") do nothing`,
    [group, sink, clusterId, topic, partition, to],
  )
  return rowCount === 1
}
