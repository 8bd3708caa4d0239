/** Makes a table of dead letters ready to be sent again, or says what it lacks. */
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import { addReplayColumns, REPLAY_COLUMNS } from '../dead-letters/dead-letter-table'
import { prepareDeadLetters } from '../dead-letters/dead-letters'
import { qualified, type TableName } from '../connect/identifiers'
import { describeTable } from '../table/table-statements'
import { lockDefinitions } from '../connect/server-statements'
import { phrase } from '../../status/phrase'

/**
 * @param mayChange create the table when it is missing, and add what a table of the first version lacks
 * @throws PipelineError `DEAD_LETTERS_MISSING`, `DEAD_LETTERS_OLD` with the statement that fixes it, or DatabaseError
 */
export async function prepareReplay(database: Database, table: TableName, mayChange: boolean): Promise<void> {
  const doing = `preparing the dead letters "${table.table}"`
  if (mayChange) await prepareDeadLetters(database, table)
  const found = await database.withClient(doing, (client) => describeTable(client, table))
  if (found === undefined) throw missing(table)
  if (REPLAY_COLUMNS.every(({ name }) => found.columns.has(name))) return
  if (!mayChange) throw old(table)
  try {
    await database.transaction(doing, async (client) => {
      await lockDefinitions(client)
      await client.query(addReplayColumns(qualified(table)))
    })
  } catch (error) {
    if (error instanceof DatabaseError && error.kind === 'configuration') throw old(table, error)
    throw error
  }
}

function missing(table: TableName): PipelineError {
  return new PipelineError('DEAD_LETTERS_MISSING', `there is no table ${qualified(table)} of dead letters`, {
    retryable: true,
    status: phrase('tableMissing', { table: table.table }),
  })
}

function old(table: TableName, cause?: DatabaseError): PipelineError {
  const why = cause === undefined ? '' : ` (${cause.message})`
  return new PipelineError(
    'DEAD_LETTERS_OLD',
    `the table ${qualified(table)} was made by an earlier version, and this node may not change it${why}; ` +
      `let its owner run: ${addReplayColumns(qualified(table))}`,
    { retryable: true, status: 'tableNeedsAlter', cause },
  )
}
