import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { LedgerKey } from '../ledger'

export interface StoredPosition {
  readonly sink: string
  readonly nextOffset: number
  /** `null` in a row of an older version. */
  readonly target: string | null
}

/** The sink's row, and those under a name that it had before. */
export async function readPosition(
  client: ClientBase,
  ledger: TableName,
  { group, sink, clusterId, topic, partition, formerNames = [] }: LedgerKey,
): Promise<StoredPosition[]> {
  const { rows } = await client.query<StoredPosition>(
    `\
select sink, next_offset::float8 as "nextOffset", target
  from ${qualified(ledger)}
 where consumer_group = $1 and sink = any ($2) and cluster_id = $3 and topic = $4 and "partition" = $5`,
    [group, [sink, ...formerNames], clusterId, topic, partition],
  )
  return rows
}
