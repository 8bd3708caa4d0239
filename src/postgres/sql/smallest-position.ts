import type { ClientBase } from 'pg'
import { DatabaseError } from '../database-error'
import { qualified, type TableName } from '../identifiers'
import type { PositionQuery } from '../ledger'

/** A standby may lag behind what was committed, so its answer is not used. */
export async function smallestPosition(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId, topic, partition }: PositionQuery,
  sinks: readonly string[],
): Promise<number | undefined> {
  const { rows } = await client.query<{ next_offset: string | null; standby: boolean }>(
    `\
select min(next_offset) as next_offset, pg_is_in_recovery() as standby
  from ${qualified(ledger)}
 where consumer_group = $1 and cluster_id = $2 and topic = $3 and "partition" = $4 and sink = any ($5)`,
    [group, clusterId, topic, partition, sinks],
  )
  if (rows[0]?.standby === true) {
    const text = 'the ledger was read from a standby, which may be behind; waiting for the primary server'
    throw new DatabaseError('transient', 'STANDBY', text, 'the server is a standby')
  }
  const smallest = rows[0]?.next_offset ?? null
  return smallest === null ? undefined : Number(smallest)
}
