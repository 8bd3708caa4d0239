import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { PositionQuery } from '../ledger'

/**
 * Sets the positions that Kafka's log or a person has made void, and lets their counts begin anew: nothing is known of
 * the offsets between. A sink that is not deployed keeps what it has still to read.
 * @param sinks those that are deployed now
 * @param end one after the last offset of the partition; behind it every position is void
 * @returns the sinks whose position it was
 */
export async function releasePositions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId, topic, partition }: PositionQuery,
  sinks: readonly string[],
  offset: number,
  end: number,
): Promise<string[]> {
  const { rows } = await client.query<{ sink: string }>(
    `\
update ${qualified(ledger)}
   set next_offset = $6, first_offset = $6, stored_rows = 0, dead_letters = 0, filtered = 0, added = 0,
       last_timestamp = null, updated_at = now()
 where consumer_group = $1 and cluster_id = $2 and topic = $3 and "partition" = $4
   and (next_offset < $6 and sink = any ($5) or next_offset > $7)
returning sink`,
    [group, clusterId, topic, partition, sinks, offset, end],
  )
  return rows.map(({ sink }) => sink)
}
