/**
 * Positions of sinks that are no more. They do no harm, but a sink that gets the old name again would go on there; so
 * they are shown, and removed only when somebody says so.
 */
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import { deletePositions, listPositions } from './ledger-statements'
import { tableExists } from '../connect/server-statements'

/** The positions of a sink in one Kafka topic. */
export interface TopicPositions {
  /** The sink's name in the ledger. */
  readonly sink: string
  readonly group: string
  readonly clusterId: string
  readonly topic: string
  readonly partitions: readonly number[]
  /** As PostgreSQL writes it, to the microsecond: who removes it says what was shown. */
  readonly lastMoved: string
}

/** All positions of a ledger; none while it has no table. @throws DatabaseError */
export function readPositions(database: Database): Promise<TopicPositions[]> {
  const { table } = database.ledger
  return database.withClient(`reading the ledger "${table.table}"`, async (client) =>
    (await tableExists(client, table)) ? listPositions(client, table) : [],
  )
}

/**
 * @param deployed names that sinks of this Node-RED have in the ledger
 * @returns how many positions are gone
 * @throws PipelineError `POSITION_IN_USE` for a sink that is deployed, here or, as its position moves, elsewhere
 */
export async function removePositions(
  database: Database,
  which: Omit<TopicPositions, 'partitions'>,
  deployed: ReadonlySet<string>,
): Promise<number> {
  if (deployed.has(which.sink)) {
    throw inUse(`the sink "${which.sink}" is deployed, and needs its positions: remove the sink first`)
  }
  const { table } = database.ledger
  const removed = await database.transaction(`removing positions from "${table.table}"`, (client) =>
    deletePositions(client, table, which),
  )
  if (removed > 0) return removed
  throw inUse(
    `the positions of "${which.sink}" have moved, or are gone, since they were shown; another Node-RED may use them`,
  )
}

function inUse(message: string): PipelineError {
  return new PipelineError('POSITION_IN_USE', message, { retryable: false })
}
