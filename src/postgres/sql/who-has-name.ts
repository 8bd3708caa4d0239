import type { ClientBase } from 'pg'
import { qualified, sibling, type TableName } from '../identifiers'

/**
 * `detached`: a table by itself, or a partition of this table that is half detached. `other`: a partition of another
 * table, which this one may have been before it was renamed, or a view, an index, a type.
 */
export type NameHolder = 'detached' | 'other'

/** What has this name in the table's schema; `undefined`: nothing. */
export async function whoHasName(
  client: ClientBase,
  table: TableName,
  name: string,
): Promise<NameHolder | undefined> {
  const { rows } = await client.query<{ holder: NameHolder }>(
    `\
select case when class.relkind in ('r', 'p')
             and (not class.relispartition or parent.inhparent = to_regclass($2)) then 'detached'
            else 'other' end as holder
  from (select to_regclass($1) as relation, to_regtype($1) as type) as given
  left join pg_class as class on class.oid = given.relation
  left join pg_inherits as parent on parent.inhrelid = class.oid
 where given.relation is not null or given.type is not null`,
    [qualified(sibling(table, name)), qualified(table)],
  )
  return rows[0]?.holder
}
