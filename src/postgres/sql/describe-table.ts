import type { ClientBase } from 'pg'
import { columnType, type ColumnType, type TypeStep } from '../column-family'
import { qualified, type TableName } from '../identifiers'
import { OURS } from './create-table'
import { hypertablesNamed } from './hypertables-named'

export interface TableDescription {
  readonly columns: ReadonlyMap<string, ColumnType>
  /** Columns whose value PostgreSQL computes; it takes none for them. */
  readonly generated: ReadonlySet<string>
  readonly partitioned: boolean
  readonly hypertable: boolean
  /** This package has created it, so its partitions are ours to add and to drop. */
  readonly ours: boolean
}

/** `undefined` when there is no such table. */
export async function describeTable(
  client: ClientBase,
  table: TableName,
): Promise<TableDescription | undefined> {
  const { rows } = await client.query<{
    columns: [name: string, steps: TypeStep[]][]
    generated: string[]
    partitioned: boolean
    ours: boolean
  }>(
    `\
select (select coalesce(json_agg(json_build_array(attname, base.steps)), '[]')
          from pg_attribute
         cross join lateral (
               with recursive step as (
                 select atttypid as type, atttypmod as modifier, 0 as depth
                  union all
                 select case typtype when 'd' then typbasetype else typelem end,
                        case when typtype = 'd' and modifier < 0 then typtypmod else modifier end,
                        depth + 1
                   from step join pg_type on oid = type
                  where typtype = 'd' or (typcategory = 'A' and typelem <> 0 and typlen = -1)
               )
               select json_agg(json_build_object(
                        'name', typname, 'kind', typtype, 'array', typcategory = 'A', 'modifier', modifier)
                        order by depth) as steps
                 from step join pg_type on oid = type
                where typtype <> 'd') as base
         where attrelid = class.oid and attnum > 0 and not attisdropped) as columns,
       (select coalesce(json_agg(attname), '[]')
          from pg_attribute
         where attrelid = class.oid and attnum > 0 and attgenerated <> '') as generated,
       class.relkind = 'p' as partitioned,
       coalesce(obj_description(class.oid, 'pg_class') = $2, false) as ours
  from pg_class as class
 where class.oid = to_regclass($1)`,
    [qualified(table), OURS],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const hypertable = (await hypertablesNamed(client, table.table)).has(table.schema)
  const columns = row.columns.map(([name, steps]) => [name, columnType(steps)] as const)
  return { ...row, hypertable, columns: new Map(columns), generated: new Set(row.generated) }
}
