import type { ClientBase } from 'pg'
import { qualified, sibling, type TableName } from '../identifiers'

/** Which of these tables of the schema have a row. */
export async function tablesWithRows(
  client: ClientBase,
  table: TableName,
  names: readonly string[],
): Promise<Set<string>> {
  const filled = new Set<string>()
  for (const name of names) {
    const { rowCount } = await client.query(`select from ${qualified(sibling(table, name))} limit 1`)
    if (rowCount === 1) filled.add(name)
  }
  return filled
}
