import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** TimescaleDB: drops the chunks whose newest row is older than so many days. @returns how many */
export async function dropChunks(client: ClientBase, table: TableName, days: number): Promise<number> {
  const { rows } = await client.query(
    'select drop_chunks($1::regclass, older_than => make_interval(days => $2::int))',
    [qualified(table), days],
  )
  return rows.length
}
