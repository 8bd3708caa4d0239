import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import { CONSUMER, type PositionQuery } from '../ledger'

/** The consumer's own position, unless it has one. */
export async function beginPartition(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId, topic, partition }: PositionQuery,
  offset: number,
): Promise<void> {
  await client.query(
    `\
insert into ${qualified(ledger)} (consumer_group, sink, cluster_id, topic, "partition", first_offset, next_offset)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (consumer_group, sink, cluster_id, topic, "partition") do nothing`,
    [group, CONSUMER, clusterId, topic, partition, offset],
  )
}
