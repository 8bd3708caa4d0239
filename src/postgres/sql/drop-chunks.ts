import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** TimescaleDB: drops the chunks whose newest row is older than this instant. @returns how many */
export async function dropChunks(client: ClientBase, table: TableName, before: Date): Promise<number> {
  const { rows } = await client.query('select drop_chunks($1::regclass, older_than => $2::timestamptz)', [
    qualified(table),
    before,
  ])
  return rows.length
}
