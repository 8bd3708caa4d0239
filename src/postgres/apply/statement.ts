/**
 * Looks at the user's statement as PostgreSQL sees it, before the first record: whether it is one that can be prepared, and
 * which types its parameters have. PostgreSQL's own grammar decides, not ours: `PREPARE` takes select, insert, update, delete,
 * merge and values, and the extended protocol takes one statement at a time. So several commands, commit, copy, listen, call
 * and the like are refused here, and no text of ours is compared with them.
 */
import type { ClientBase } from 'pg'
import { phrase } from '../../status/phrase'
import type { Database } from '../connect/database'
import { asDatabaseError, DatabaseError } from '../connect/database-error'
import { columnType, whyUnusable, type ColumnType } from '../rows/column-family'
import type { Column } from '../rows/columns'
import { parameterSteps, prepareStatement, deallocateStatement } from './prepare-statements'

/** @returns the type of each parameter, by the name of its column @throws DatabaseError of kind `configuration` */
export async function checkStatement(
  database: Database,
  statement: string,
  parameters: readonly Column[],
): Promise<ReadonlyMap<string, ColumnType>> {
  const types = await database.transaction('preparing the statement', (client) => describe(client, statement))
  if (types.length !== parameters.length) throw otherNumber(types.length, parameters.length)
  for (const [at, column] of parameters.entries()) {
    const why = whyUnusable(column, types[at] as ColumnType)
    if (why !== undefined) throw refused('42804', `the parameter $${at + 1} ${why}`)
  }
  return new Map(parameters.map(({ name }, at) => [name, types[at] as ColumnType]))
}

async function describe(client: ClientBase, statement: string): Promise<ColumnType[]> {
  try {
    await prepareStatement(client, statement)
  } catch (thrown) {
    const error = asDatabaseError(thrown, 'preparing the statement')
    if (error.kind === 'transient') throw error
    throw refused(error.sqlState, `${said(thrown)}${ADVICE[error.sqlState] ?? ''}`)
  }
  const steps = await parameterSteps(client)
  await deallocateStatement(client)
  return steps.map(columnType)
}

/** What PostgreSQL says of the statement quotes only the statement. */
function said(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

const ADVICE: Readonly<Record<string, string>> = {
  '42601':
    '. It has to be one statement: select, insert, update, delete or merge, perhaps with several of them in a "with". ' +
    'Several statements, commit, rollback, copy, listen, call and the like are refused; a function may do what takes more',
  '42P18': '. Say its type with a cast, such as $1::text',
  '42P08': '. Say its type with a cast, such as $1::text',
}

function otherNumber(wanted: number, given: number): DatabaseError {
  return refused(
    '42P02',
    `the statement has ${wanted} parameters, and the node has values for ${given}: $1 takes the first of "Parameters", $2 ` +
      'the second, and so on',
  )
}

function refused(sqlState: string, why: string): DatabaseError {
  const text = `the statement cannot be used: ${why} [${sqlState}]`
  return new DatabaseError('configuration', sqlState, text, phrase('statementRefused', { code: sqlState }))
}
