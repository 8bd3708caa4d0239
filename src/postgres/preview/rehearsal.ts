/**
 * A database on which definitions are only rehearsed: what reads is asked of the server, in a transaction that cannot
 * write, and what would change something is noted instead. So the code that prepares tables itself says which SQL it
 * would run. It does not find what it has noted: a table that would be created stays missing.
 */
import { escapeLiteral, type ClientBase } from 'pg'
import type { Database } from '../connect/database'

/** A dialog waits for it. */
const LIMIT_MS = 5_000
/** Functions that change something, and what only serves the transaction itself. */
const CHANGES = /\b(create_hypertable|set_chunk_time_interval|(add|remove)_\w+_policy)\(/
const SERVES = /^(savepoint|release savepoint|rollback to savepoint|select pg_advisory_xact_lock)\b/

export interface Rehearsal {
  /** In place of the real one, for code that prepares something. */
  readonly database: Database
  readonly client: ClientBase
  /** What would have been run so far, with its values in place. */
  readonly statements: readonly string[]
}

/** @param assumed rows for a question whose answer would be another one by then; `undefined`: ask the server */
export function rehearse<T>(
  database: Database,
  work: (rehearsal: Rehearsal) => Promise<T>,
  assumed: (text: string) => readonly object[] | undefined = () => undefined,
): Promise<T> {
  const begin = ['set transaction read only', `set local statement_timeout = ${LIMIT_MS}`]
  const run = (real: ClientBase): Promise<T> => {
    const statements: string[] = []
    const query = (text: string, values: readonly unknown[] = []): Promise<unknown> => {
      const rows = assumed(text)
      if (rows !== undefined) return Promise.resolve({ rows, rowCount: rows.length })
      if (isQuestion(text)) return real.query(text, values as unknown[])
      if (!SERVES.test(text.trimStart())) statements.push(withValues(text, values))
      return Promise.resolve({ rows: [], rowCount: 0 })
    }
    const client = { query } as unknown as ClientBase
    const onClient = (
      _doing: string,
      rehearsed: (client: ClientBase) => Promise<unknown>,
    ): Promise<unknown> => rehearsed(client)
    const stage = { clock: database.clock, transaction: onClient, withClient: onClient }
    return work({ database: stage as unknown as Database, client, statements })
  }
  return database.transaction('looking at the tables', run, undefined, begin)
}

function isQuestion(text: string): boolean {
  const start = text.trimStart()
  return /^(select|with)\b/i.test(start) && !SERVES.test(start) && !CHANGES.test(text)
}

/** For reading: the statement that is run has parameters. */
export function withValues(text: string, values: readonly unknown[]): string {
  const literal = (value: unknown): string =>
    typeof value === 'number' ? `${value}` : escapeLiteral(String(value))
  return text.trim().replace(/\$(\d+)/g, (whole, number: string) => {
    const at = Number(number) - 1
    return at < values.length ? literal(values[at]) : whole
  })
}
