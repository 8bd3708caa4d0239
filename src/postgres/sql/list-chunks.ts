import type { ClientBase } from 'pg'
import type { TableName } from '../identifiers'

export interface Chunk {
  readonly name: string
  readonly from: Date
  /** The instant after its last. */
  readonly to: Date
}

/** TimescaleDB: all chunks of a table. It makes one when rows come for it. */
export async function listChunks(client: ClientBase, { schema, table }: TableName): Promise<Chunk[]> {
  const { rows } = await client.query<Chunk>(
    `\
select chunk_name as name, range_start as "from", range_end as "to"
  from timescaledb_information.chunks
 where hypertable_schema = $1 and hypertable_name = $2
 order by range_start`,
    [schema, table],
  )
  return rows
}
