import type { ClientBase } from 'pg'
import { DatabaseError } from '../database-error'
import { qualified, type TableName } from '../identifiers'
import type { PositionQuery } from '../ledger'

export interface Position {
  readonly nextOffset: number
  /** Of the record before it, where the consumer has noted it. */
  readonly lastTimestamp: number | null
}

/**
 * All positions in a partition, by the name of the sink. A standby may lag behind what was committed, so its answer is
 * not used.
 */
export async function knownPositions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId, topic, partition }: PositionQuery,
): Promise<Map<string, Position>> {
  const { rows } = await client.query<{ sink: string | null; standby: boolean } & Position>(
    `\
select sink, next_offset::float8 as "nextOffset", last_timestamp::float8 as "lastTimestamp", standby
  from (select pg_is_in_recovery() as standby) as server
  left join ${qualified(ledger)}
    on consumer_group = $1 and cluster_id = $2 and topic = $3 and "partition" = $4`,
    [group, clusterId, topic, partition],
  )
  if (rows[0]?.standby === true) {
    const text = 'the ledger was read from a standby, which may be behind; waiting for the primary server'
    throw new DatabaseError('transient', 'STANDBY', text, 'the server is a standby')
  }
  return new Map(rows.flatMap(({ sink, ...position }) => (sink === null ? [] : [[sink, position]])))
}
