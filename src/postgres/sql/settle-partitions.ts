import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import { CONSUMER, type GroupQuery, type PartitionPosition } from '../ledger'

export interface SinkPosition extends PartitionPosition {
  readonly sink: string
}

/** All positions in these partitions, the consumer's own among them. */
export async function readPartitions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId }: GroupQuery,
  partitions: readonly PartitionPosition[],
): Promise<SinkPosition[]> {
  const { rows } = await client.query<SinkPosition>(
    `\
select sink, topic, "partition", next_offset::float8 as "offset"
  from ${qualified(ledger)}
 where consumer_group = $1 and cluster_id = $2
   and (topic, "partition") in (select * from unnest($3::text[], $4::integer[]))`,
    [group, clusterId, partitions.map(({ topic }) => topic), partitions.map(({ partition }) => partition)],
  )
  return rows
}

/** Moves the consumer's own positions forward. They count nothing, so counting begins where they are. */
export async function settlePartitions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId }: GroupQuery,
  settled: readonly PartitionPosition[],
): Promise<void> {
  await client.query(
    `\
update ${qualified(ledger)} as own
   set next_offset = settled."offset", first_offset = settled."offset", last_timestamp = settled.last_timestamp,
       updated_at = now()
  from unnest($4::text[], $5::integer[], $6::bigint[], $7::bigint[])
       as settled (topic, "partition", "offset", last_timestamp)
 where own.consumer_group = $1 and own.sink = $2 and own.cluster_id = $3
   and own.topic = settled.topic and own."partition" = settled."partition" and own.next_offset < settled."offset"`,
    [
      group,
      CONSUMER,
      clusterId,
      settled.map(({ topic }) => topic),
      settled.map(({ partition }) => partition),
      settled.map(({ offset }) => offset),
      settled.map(({ lastTimestamp }) => lastTimestamp ?? null),
    ],
  )
}
