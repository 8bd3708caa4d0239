import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

export async function tableExists(client: ClientBase, table: TableName): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>('select to_regclass($1) is not null as found', [
    qualified(table),
  ])
  return rows[0]?.found === true
}
