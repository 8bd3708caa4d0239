import type { ClientBase } from 'pg'
import { NOW_MS } from './read-clock'

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
