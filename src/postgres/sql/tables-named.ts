import type { ClientBase } from 'pg'
import { qualified, sibling, type TableName } from '../identifiers'

/** Which of these names something in the table's schema has, be it a table, a view or an index. */
export async function tablesNamed(
  client: ClientBase,
  table: TableName,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `\
select given.name from unnest($1::text[], $2::text[]) as given (name, qualified)
 where to_regclass(given.qualified) is not null`,
    [names, names.map((name) => qualified(sibling(table, name)))],
  )
  return new Set(rows.map(({ name }) => name))
}
