import type { ClientBase } from 'pg'
import { OURS } from './create-table'

export interface OwnTable {
  readonly schema: string
  readonly partitioned: boolean
  readonly hypertable: boolean
}

/** Tables of this name, in any schema, which this package has created. */
export async function listOwnTables(client: ClientBase, table: string): Promise<OwnTable[]> {
  const { rows } = await client.query<OwnTable>(
    `\
select namespace.nspname as schema, class.relkind = 'p' as partitioned,
       exists (select from pg_trigger
                where tgrelid = class.oid and tgname = 'ts_insert_blocker') as hypertable
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where class.relname = $1 and obj_description(class.oid, 'pg_class') = $2
 order by namespace.nspname`,
    [table, OURS],
  )
  return rows
}
