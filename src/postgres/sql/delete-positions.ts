import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { TopicPositions } from '../left-overs'

/** Compare and delete: nothing when one of them has moved since. @returns how many */
export async function deletePositions(
  client: ClientBase,
  ledger: TableName,
  { sink, group, clusterId, topic, lastMoved }: Omit<TopicPositions, 'partitions'>,
): Promise<number> {
  const where = 'sink = $1 and consumer_group = $2 and cluster_id = $3 and topic = $4'
  const { rowCount } = await client.query(
    `\
with held as (select updated_at from ${qualified(ledger)} where ${where} for update)
delete from ${qualified(ledger)}
 where ${where} and (select max(updated_at) from held) = $5::timestamptz`,
    [sink, group, clusterId, topic, lastMoved],
  )
  return rowCount ?? 0
}
