import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

/**
 * A temporary table like the target's columns, empty. The connection may have it already, from another mapping of
 * the same table or from before the table was changed, so it lives for one use.
 */
export async function createStaging(
  client: ClientBase,
  staging: string,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  await client.query(`
create temporary table ${quoted(staging)} on commit drop as
select ${columns.map(quoted).join(', ')} from ${qualified(table)} with no data`)
}
