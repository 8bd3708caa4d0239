import type { ClientBase } from 'pg'

/**
 * Whether this database has TimescaleDB. Where the server offers it and the database does not have it yet, it is
 * switched on; a role that may not do that goes on without. Only inside of a transaction.
 */
export async function enableTimescale(client: ClientBase): Promise<boolean> {
  // The setting is there when the server has loaded the library: creating the extension without it ends the session.
  const { rows } = await client.query<{ installed: boolean; offered: boolean }>(`\
select exists(select from pg_extension where extname = 'timescaledb') as installed,
       exists(select from pg_available_extensions where name = 'timescaledb')
         and current_setting('timescaledb.disable_load', true) is not null as offered`)
  const { installed, offered } = rows[0] as { installed: boolean; offered: boolean }
  if (installed || !offered) return installed
  await client.query('savepoint extension')
  try {
    await client.query('create extension timescaledb')
    await client.query('release savepoint extension')
    return true
  } catch {
    // When the connection is gone this fails too, and says so.
    await client.query('rollback to savepoint extension')
    return false
  }
}
