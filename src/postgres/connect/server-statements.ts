/** Questions to the server itself, and statements that every part of this package uses. */
import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from './identifiers'

/** What decides whether a server is written to, and how safe that is. */
export interface ServerState {
  readonly isStandby: boolean
  /** `default_transaction_read_only`, or a standby. */
  readonly isReadOnly: boolean
  readonly fsync: boolean
  readonly fullPageWrites: boolean
  /** As the server, the database or the user has it set; our transactions switch it on. */
  readonly synchronousCommit: string
  /** Servers that receive the log now. */
  readonly standbys: number
  /** Milliseconds since 1970 by its clock. */
  readonly nowMs: number
}

/** @param limitMs for the answer: the connection may have died since it was made */
export async function serverState(client: ClientBase, limitMs: number): Promise<ServerState> {
  const text = `\
select pg_is_in_recovery() as "isStandby",
       current_setting('transaction_read_only')::boolean as "isReadOnly",
       current_setting('fsync')::boolean as fsync,
       current_setting('full_page_writes')::boolean as "fullPageWrites",
       current_setting('synchronous_commit') as "synchronousCommit",
       (select count(*)::integer from pg_stat_replication) as standbys,
       ${NOW_MS} as "nowMs"`
  const query = { text, query_timeout: limitMs }
  const { rows } = await client.query<ServerState>(query)
  return rows[0] as ServerState
}

/** The server's time of day, in milliseconds since 1970; also within a transaction that has begun long ago. */
export const NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::float8'

export async function readClock(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ now: number }>(`select ${NOW_MS} as now`)
  return (rows[0] as { now: number }).now
}

/** Ends the statement that begins with this mark, whichever connection of our role it runs on. */
export async function cancelStatement(client: ClientBase, mark: string): Promise<void> {
  await client.query(
    `\
select pg_cancel_backend(pid) from pg_stat_activity
 where pid <> pg_backend_pid() and state = 'active' and starts_with(query, $1)`,
    [mark],
  )
}

/**
 * One process at a time creates tables: `create table if not exists` fails when two do it at once. Held until
 * the end of the transaction. The number is this package's, chosen at random.
 */
export async function lockDefinitions(client: ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock(7203985511)')
}

export async function tableExists(client: ClientBase, table: TableName): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>('select to_regclass($1) is not null as found', [
    qualified(table),
  ])
  return rows[0]?.found === true
}

/** Asks first: `create schema if not exists` wants the right to create one also when it is there. */
export async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_namespace where nspname = $1', [schema])
  if (rowCount === 0) await client.query(`create schema if not exists ${quoted(schema)}`)
}
