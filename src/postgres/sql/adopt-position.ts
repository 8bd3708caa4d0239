import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

/**
 * Gives a sink the position that it had under former names: the largest of all that are there, with its counts. In a
 * transaction, under the lock of definitions.
 */
export async function adoptPosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition, formerNames = [], target }: LedgerKey,
): Promise<void> {
  const where =
    'consumer_group = $1 and sink = any ($2) and cluster_id = $3 and topic = $4 and "partition" = $5'
  const position = [clusterId, topic, partition]
  await client.query(
    `\
delete from ${qualified(ledger)}
 where ${where}
   and sink <> (select sink from ${qualified(ledger)}
                 where ${where} order by next_offset desc, sink = $6 desc limit 1)`,
    [group, [sink, ...formerNames], ...position, sink],
  )
  await client.query(
    `update ${qualified(ledger)} set sink = $6, target = coalesce(target, $7) where ${where}`,
    [group, formerNames, ...position, sink, target],
  )
}
