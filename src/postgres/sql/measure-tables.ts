import type { ClientBase } from 'pg'
import { qualified, sibling, type TableName } from '../identifiers'

export interface TableMeasure {
  readonly name: string
  /** As of the last `analyze`; `null`: there was none. */
  readonly rows: number | null
  /** With indexes and long values. */
  readonly bytes: number
}

/** Tables of one schema, in their order; those that are gone meanwhile are left out. */
export async function measureTables(
  client: ClientBase,
  parent: TableName,
  names: readonly string[],
): Promise<TableMeasure[]> {
  const { rows } = await client.query<TableMeasure>(
    `\
select given.name, nullif(class.reltuples, -1)::float8 as rows,
       pg_total_relation_size(class.oid)::float8 as bytes
  from unnest($1::text[], $2::text[]) with ordinality as given (name, qualified, place)
  join pg_class as class on class.oid = to_regclass(given.qualified)
 order by given.place`,
    [names, names.map((name) => qualified(sibling(parent, name)))],
  )
  return rows
}
