import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

export async function dropTable(client: ClientBase, table: TableName): Promise<void> {
  await client.query(`drop table if exists ${qualified(table)}`)
}
