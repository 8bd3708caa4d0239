import type { ClientBase } from 'pg'
import { DatabaseError } from '../database-error'
import { qualified, type TableName } from '../identifiers'
import type { PositionQuery } from '../ledger'

/**
 * All positions in a partition, by the name of the sink. A standby may lag behind what was committed, so its answer is
 * not used.
 */
export async function knownPositions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId, topic, partition }: PositionQuery,
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ sink: string | null; next_offset: string; standby: boolean }>(
    `\
select sink, next_offset, standby
  from (select pg_is_in_recovery() as standby) as server
  left join ${qualified(ledger)}
    on consumer_group = $1 and cluster_id = $2 and topic = $3 and "partition" = $4`,
    [group, clusterId, topic, partition],
  )
  if (rows[0]?.standby === true) {
    const text = 'the ledger was read from a standby, which may be behind; waiting for the primary server'
    throw new DatabaseError('transient', 'STANDBY', text, 'the server is a standby')
  }
  return new Map(
    rows.flatMap(({ sink, next_offset }) => (sink === null ? [] : [[sink, Number(next_offset)]])),
  )
}
