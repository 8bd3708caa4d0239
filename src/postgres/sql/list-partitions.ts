import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

export interface Partition {
  readonly name: string
  /** A detach has begun and was interrupted. */
  readonly pending: boolean
  /** It takes the rows for which there is no other. */
  readonly isDefault: boolean
  readonly comment: string | null
}

export async function listPartitions(client: ClientBase, table: TableName): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `\
select child.relname as name, inheritance.inhdetachpending as pending,
       pg_get_expr(child.relpartbound, child.oid) = 'DEFAULT' as "isDefault",
       obj_description(child.oid, 'pg_class') as comment
  from pg_inherits as inheritance
  join pg_class as child on child.oid = inheritance.inhrelid
 where inheritance.inhparent = to_regclass($1)
 order by child.relname`,
    [qualified(table)],
  )
  return rows
}
