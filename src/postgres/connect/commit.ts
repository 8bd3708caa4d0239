/**
 * Ends a transaction, and knows what the end was worth.
 *
 * Non-obvious:
 *  - `COMMIT` of a transaction that has failed succeeds, with the command tag `ROLLBACK`.
 *  - `COMMIT` waits for a synchronous standby. When that wait is ended, by `pg_cancel_backend` for instance, it succeeds as
 *    well, and a warning alone tells that the rows are on the primary and nowhere else. Server time limits do not end it.
 *  - When we give up waiting for the answer ourselves, the outcome is unknown.
 *  - The wait is for what this transaction has written to the log. One that finds everything written already, on the primary
 *    alone perhaps, waits for none: see `writeToLog`.
 */
import type { PoolClient } from 'pg'
import { asDatabaseError, DatabaseError } from './database-error'

/** The function of the server that waits for a standby, whatever language it speaks. */
const WAIT = 'SyncRepWaitForLSN'

/** @throws DatabaseError of kind `transient`; the transaction may have been committed on the primary all the same */
export async function commit(client: PoolClient, doing: string): Promise<void> {
  let waitWasEnded = false
  const look = ({ routine }: { routine?: string | undefined }): void => {
    waitWasEnded ||= routine === WAIT
  }
  client.on('notice', look)
  let command: string
  try {
    ;({ command } = await client.query('commit'))
  } catch (thrown) {
    const error = asDatabaseError(thrown, doing)
    throw error.sqlState === 'ETIMEDOUT' ? noAnswer(doing) : error
  } finally {
    client.off('notice', look)
  }
  if (command !== 'COMMIT') throw rolledBack(doing)
  if (waitWasEnded) throw notReplicated(doing)
}

/** So that `COMMIT` waits for a synchronous standby although nothing is written: until it has all that is there already. */
export async function writeToLog(client: Pick<PoolClient, 'query'>): Promise<void> {
  await client.query(`select pg_logical_emit_message(true, 'tenant-pipeline', '')`)
}

function rolledBack(doing: string): DatabaseError {
  const text = `${doing} failed: PostgreSQL rolled the transaction back at COMMIT; trying again`
  return new DatabaseError('transient', 'ROLLBACK', text, 'postgresRolledBack')
}

function notReplicated(doing: string): DatabaseError {
  const text =
    `${doing} is not confirmed: no synchronous standby has it, because the wait for one was ended from elsewhere; ` +
    'waiting again. See whether the standby is down or slow'
  return new DatabaseError('transient', 'NOT_REPLICATED', text, 'postgresWaitingForStandby')
}

function noAnswer(doing: string): DatabaseError {
  const text =
    `${doing} is not confirmed: PostgreSQL has not answered COMMIT in time; trying again. A synchronous standby that is ` +
    'down or does not answer is the usual reason'
  return new DatabaseError('transient', 'NO_ANSWER', text, 'postgresNoCommitAnswer')
}
