import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

export interface Partition {
  readonly name: string
  /** A detach has begun and was interrupted. */
  readonly pending: boolean
}

export async function listPartitions(client: ClientBase, table: TableName): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `\
select child.relname as name, inheritance.inhdetachpending as pending
  from pg_inherits as inheritance
  join pg_class as child on child.oid = inheritance.inhrelid
 where inheritance.inhparent = to_regclass($1)
 order by child.relname`,
    [qualified(table)],
  )
  return rows
}
