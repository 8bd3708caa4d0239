import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

export async function readPosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition }: LedgerKey,
): Promise<number | undefined> {
  const { rows } = await client.query<{ next_offset: string }>(
    `\
select next_offset
  from ${qualified(ledger)}
 where consumer_group = $1 and sink = $2 and cluster_id = $3 and topic = $4 and "partition" = $5`,
    [group, sink, clusterId, topic, partition],
  )
  return rows[0] === undefined ? undefined : Number(rows[0].next_offset)
}
