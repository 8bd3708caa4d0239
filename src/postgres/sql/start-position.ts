import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'
import type { PassedOffsets } from '../passed-offsets'

/** The first position of a partition; inserts nothing when there is one already. @param from where counting begins */
export async function startPosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition, target }: LedgerKey,
  from: number,
  to: number,
  { rows, deadLetters, filtered, added }: PassedOffsets,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `\
insert into ${qualified(ledger)}
       (consumer_group, sink, cluster_id, topic, "partition", first_offset, next_offset,
        stored_rows, dead_letters, filtered, added, target)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (consumer_group, sink, cluster_id, topic, "partition") do nothing`,
    [group, sink, clusterId, topic, partition, from, to, rows, deadLetters, filtered, added, target],
  )
  return rowCount === 1
}
