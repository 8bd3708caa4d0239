import type { ClientBase } from 'pg'
import type { TableName } from '../identifiers'
import { OUTDATED } from './mark-outdated'

/** Names of the tables of this schema that were detached to be dropped. */
export async function listOutdated(client: ClientBase, { schema }: TableName): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `\
select class.relname as name
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where namespace.nspname = $1 and class.relkind = 'r' and not class.relispartition
   and obj_description(class.oid, 'pg_class') = $2`,
    [schema, OUTDATED],
  )
  return rows.map(({ name }) => name)
}
