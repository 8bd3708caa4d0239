import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { TopicPositions } from '../left-overs'

/** Of the sinks; a consumer's own position is no use without its group, and does no harm. */
export async function listPositions(client: ClientBase, ledger: TableName): Promise<TopicPositions[]> {
  const { rows } = await client.query<TopicPositions>(`\
select sink, consumer_group as "group", cluster_id as "clusterId", topic,
       array_agg("partition" order by "partition") as partitions, max(updated_at)::text as "lastMoved"
  from ${qualified(ledger)}
 where sink <> ''
 group by sink, consumer_group, cluster_id, topic
 order by sink, consumer_group, topic, cluster_id`)
  return rows
}
