import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

/**
 * The key is named, so that a violation of another unique index is an error and not a row less. Sorted by the
 * key, two of these never wait for each other in a circle.
 * @returns the number of new rows
 */
export async function insertStaged(
  client: ClientBase,
  staging: string,
  table: TableName,
  columns: readonly string[],
  key: readonly string[],
): Promise<number> {
  const list = columns.map(quoted).join(', ')
  const keyList = key.map(quoted).join(', ')
  const { rowCount } = await client.query(`
insert into ${qualified(table)} (${list})
select ${list} from pg_temp.${quoted(staging)} order by ${keyList}
on conflict (${keyList}) do nothing`)
  await client.query(`drop table pg_temp.${quoted(staging)}`)
  return rowCount ?? 0
}
