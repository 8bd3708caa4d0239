/** What a `tenant-postgres` node shows to the nodes that have chosen it. */
import { PipelineError } from '../../wire/errors'
import type { Users } from '../../runtime/users'
import type { Database } from './database'

export interface DatabaseHolder {
  /** `undefined` when the configuration is wrong; then `problem` says why. */
  database?: Database
  users?: Users
  problem?: PipelineError
}

/**
 * The database that a node has chosen.
 * @param found what the runtime gave for the chosen id
 * @throws PipelineError `CONFIG_INVALID` when none is chosen, or its configuration is wrong
 */
export function requireDatabase(found: unknown): Database {
  const { database, problem } = (found ?? {}) as DatabaseHolder
  if (database !== undefined) return database
  throw (
    problem ??
    new PipelineError('CONFIG_INVALID', '"database" is nothing; choose a PostgreSQL database', {
      retryable: false,
      statusText: 'choose a database',
    })
  )
}
