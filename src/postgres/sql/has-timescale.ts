import type { ClientBase } from 'pg'

/** Whether this database has TimescaleDB; that the server could have it does not count. */
export async function hasTimescale(client: ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(`select from pg_extension where extname = 'timescaledb'`)
  return rowCount === 1
}
