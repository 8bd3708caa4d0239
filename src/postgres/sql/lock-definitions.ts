import type { ClientBase } from 'pg'

/**
 * One process at a time creates tables: `create table if not exists` fails when two do it at once. Held until
 * the end of the transaction. The number is this package's, chosen at random.
 */
export async function lockDefinitions(client: ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock(7203985511)')
}
