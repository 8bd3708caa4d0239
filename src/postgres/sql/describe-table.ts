import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'
import { OURS } from './create-table'
import { hypertablesNamed } from './hypertables-named'

export interface TableDescription {
  /** Each column with the name of its type in `pg_type`; of a domain with that of its base, however deep. */
  readonly columns: ReadonlyMap<string, string>
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
    columns: [name: string, type: string][]
    generated: string[]
    partitioned: boolean
    ours: boolean
  }>(
    `\
select (select coalesce(json_agg(json_build_array(attname, base.typname)), '[]')
          from pg_attribute
         cross join lateral (
               with recursive step as (
                 select typname, typbasetype from pg_type where oid = atttypid
                  union all
                 select type.typname, type.typbasetype from step join pg_type as type on type.oid = step.typbasetype
               )
               select typname from step where typbasetype = 0) as base
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
  return { ...row, hypertable, columns: new Map(row.columns), generated: new Set(row.generated) }
}
