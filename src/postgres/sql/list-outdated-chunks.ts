import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import type { OutdatedPart } from '../outdated-parts'

/** The chunks whose newest row is older than this instant: what `drop_chunks` drops. */
export async function listOutdatedChunks(
  client: ClientBase,
  table: TableName,
  before: Date,
): Promise<OutdatedPart[]> {
  const { rows } = await client.query<OutdatedPart>(
    `\
select chunk.chunk_name as name, chunk.range_start as "from", chunk.range_end as "to",
       approximate_row_count(format('%I.%I', chunk.chunk_schema, chunk.chunk_name)::regclass)::float8 as rows,
       size.total_bytes::float8 as bytes
  from timescaledb_information.chunks as chunk
  join chunks_detailed_size($1::regclass) as size using (chunk_schema, chunk_name)
 where chunk.hypertable_schema = $2 and chunk.hypertable_name = $3
   and chunk.range_end <= $4::timestamptz
 order by chunk.range_start`,
    [qualified(table), table.schema, table.table, before],
  )
  return rows
}
