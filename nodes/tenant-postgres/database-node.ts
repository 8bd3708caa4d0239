/** What other nodes see of a `tenant-postgres` node. */
import type { Node } from 'node-red'
import type { Database } from '../../src/postgres/database'
import { PipelineError } from '../../src/runtime/errors'
import type { Users } from '../../src/runtime/users'

export interface DatabaseNode extends Node {
  /** `undefined` when the configuration is wrong; then `problem` says why. */
  database?: Database
  users?: Users
  problem?: PipelineError
}

/**
 * The database that a node has chosen.
 * @param found what `RED.nodes.getNode` gave for the chosen id
 * @throws PipelineError `CONFIG_INVALID` when none is chosen, or its configuration is wrong
 */
export function requireDatabase(found: unknown): Database {
  const { database, problem } = (found ?? {}) as Partial<DatabaseNode>
  if (database !== undefined) return database
  throw (
    problem ??
    new PipelineError('CONFIG_INVALID', '"database" is nothing; choose a PostgreSQL database', {
      retryable: false,
      statusText: 'choose a database',
    })
  )
}
