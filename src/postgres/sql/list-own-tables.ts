import type { ClientBase } from 'pg'
import { OURS } from './create-table'
import { hypertablesNamed } from './hypertables-named'

export interface OwnTable {
  readonly schema: string
  readonly partitioned: boolean
  readonly hypertable: boolean
}

/** Tables of this name, in any schema, which this package has created. */
export async function listOwnTables(client: ClientBase, table: string): Promise<OwnTable[]> {
  const { rows } = await client.query<Omit<OwnTable, 'hypertable'>>(
    `\
select namespace.nspname as schema, class.relkind = 'p' as partitioned
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where class.relname = $1 and obj_description(class.oid, 'pg_class') = $2
 order by namespace.nspname`,
    [table, OURS],
  )
  const hypertables = await hypertablesNamed(client, table)
  return rows.map((row) => ({ ...row, hypertable: hypertables.has(row.schema) }))
}
