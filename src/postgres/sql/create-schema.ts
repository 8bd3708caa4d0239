import type { ClientBase } from 'pg'
import { quoted } from '../identifiers'

/** Asks first: `create schema if not exists` wants the right to create one also when it is there. */
export async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema])
  if (rowCount === 0) await client.query(`create schema if not exists ${quoted(schema)}`)
}
