import type { ClientBase } from 'pg'

/** Of the extension in this database, such as `2.28.3`; `undefined`: it has none. */
export async function timescaleVersion(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ version: string }>(
    `select extversion as version from pg_extension where extname = 'timescaledb'`,
  )
  return rows[0]?.version
}
