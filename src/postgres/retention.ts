/**
 * Drops what is older than the retention, without stopping anybody: detach concurrently, finish what was
 * interrupted, drop under a short lock time-out. What does not succeed within it is tried again a minute later.
 */
import type { ClientBase } from 'pg'
import type { Database } from './database'
import { sibling, type TableName } from './identifiers'
import { firstKeptPart } from './kept-time'
import { partitionDay } from './partitions'
import { DAY_MS } from './record-time'
import { detachPartition } from './sql/detach-partition'
import { dropChunks } from './sql/drop-chunks'
import { dropTable } from './sql/drop-table'
import { listOutdated } from './sql/list-outdated'
import { listPartitions } from './sql/list-partitions'
import { markOutdated } from './sql/mark-outdated'

export interface RetentionOptions {
  readonly table: TableName
  readonly layout: 'by day' | 'hypertable'
  readonly days: number
}

const LOCK_TIMEOUT_MS = 5_000

/**
 * Detaches and drops the partitions of which every row is older than `days`.
 * @returns how many were dropped
 * @throws DatabaseError when a lock was not to be had, or the database is not there; the next run goes on from there
 */
export async function dropOutdated(
  database: Database,
  { table, layout, days }: RetentionOptions,
  nowMs = Date.now(),
): Promise<number> {
  return database.withClient(`dropping old rows of "${table.table}"`, async (client) => {
    // Detaching concurrently is impossible inside of a transaction, so the limits hold for the session.
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}; set statement_timeout = 60000`)
    const dropped =
      layout === 'hypertable'
        ? await dropChunks(client, table, days)
        : await dropPartitions(client, table, firstKeptDay(days, nowMs))
    await client.query('reset lock_timeout; reset statement_timeout')
    return dropped
  })
}

/** The oldest day that is kept, counted from 1970 in UTC. */
export function firstKeptDay(days: number, nowMs = Date.now()): number {
  return firstKeptPart({ days, partMs: DAY_MS }, nowMs)
}

/** @param firstDay the oldest day that is kept */
async function dropPartitions(client: ClientBase, table: TableName, firstDay: number): Promise<number> {
  const partitions = await listPartitions(client, table)
  // PostgreSQL allows one at a time: no other can be detached while one is half detached.
  const pendingFirst = [
    ...partitions.filter(({ pending }) => pending),
    ...partitions.filter(({ pending }) => !pending),
  ]
  for (const { name, pending } of pendingFirst) {
    const day = partitionDay(table, name)
    if (day === undefined || day >= firstDay) continue
    const partition = sibling(table, name)
    await markOutdated(client, partition)
    await detachPartition(client, table, partition, pending ? 'finalize' : 'concurrently')
  }
  let dropped = 0
  for (const name of await listOutdated(client, table)) {
    if (partitionDay(table, name) === undefined) continue
    await dropTable(client, sibling(table, name))
    dropped++
  }
  return dropped
}
