/**
 * Positions of sinks that no longer exist. They do no harm, but a sink that gets the old name again would resume there; so
 * they are shown, and removed only when the operator says so.
 */
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import { tableExists } from '../connect/server-statements'
import { deletePositions, listPositions, type TopicPositions } from './ledger-statements'

export type { TopicPositions }

/** All positions of a ledger; none while it has no table. @throws DatabaseError */
export function readPositions(database: Database, ledger: TableName): Promise<TopicPositions[]> {
  return database.withClient(`reading the ledger "${ledger.table}"`, async (client) =>
    (await tableExists(client, ledger)) ? listPositions(client, ledger) : [],
  )
}

/**
 * @param deployed names that sinks of this Node-RED have in the ledger
 * @returns how many positions are gone
 * @throws PipelineError `POSITION_IN_USE` for a sink that is deployed, here or, as its position moves, elsewhere
 */
export async function removePositions(
  database: Database,
  ledger: TableName,
  which: Omit<TopicPositions, 'partitions'>,
  deployed: ReadonlySet<string>,
): Promise<number> {
  if (deployed.has(which.sink)) {
    throw inUse(`the sink "${which.sink}" is deployed, and needs its positions: remove the sink first`)
  }
  const removed = await database.transaction(`removing positions from "${ledger.table}"`, (client) =>
    deletePositions(client, ledger, which),
  )
  if (removed > 0) return removed
  throw inUse(
    `the positions of "${which.sink}" have moved, or are gone, since they were shown; another Node-RED may use them`,
  )
}

function inUse(message: string): PipelineError {
  return new PipelineError('POSITION_IN_USE', message, { retryable: false })
}
