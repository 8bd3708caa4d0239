/**
 * Drops what is older than the retention, without stopping anybody: detach concurrently, finish what was
 * interrupted, drop. What does not succeed within the time limits is tried again a minute later.
 */
import type { Database } from './database'
import { sibling, type TableName } from './identifiers'
import { firstKeptPart } from './kept-time'
import { runAlone } from './lone-statement'
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

/** For a detach, most of which waits for others: it is tried again in a minute. */
const DETACH_LIMIT_MS = 5_000

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
  const doing = `dropping old rows of "${table.table}"`
  if (layout === 'hypertable') {
    return database.transaction(doing, (client) => dropChunks(client, table, days))
  }
  await detachOutdated(database, doing, table, firstKeptDay(days, nowMs))
  return dropDetached(database, doing, table)
}

/** The oldest day that is kept, counted from 1970 in UTC. */
export function firstKeptDay(days: number, nowMs = Date.now()): number {
  return firstKeptPart({ days, partMs: DAY_MS }, nowMs)
}

/** @param firstDay the oldest day that is kept */
async function detachOutdated(
  database: Database,
  doing: string,
  table: TableName,
  firstDay: number,
): Promise<void> {
  const partitions = await database.withClient(doing, (client) => listPartitions(client, table))
  const hasDefault = partitions.some(({ isDefault }) => isDefault)
  // PostgreSQL allows one at a time: no other can be detached while one is half detached.
  const pendingFirst = [
    ...partitions.filter(({ pending }) => pending),
    ...partitions.filter(({ pending }) => !pending),
  ]
  for (const { name, pending } of pendingFirst) {
    const day = partitionDay(table, name)
    if (day === undefined || day >= firstDay) continue
    const partition = sibling(table, name)
    await database.transaction(doing, (client) => markOutdated(client, partition))
    const how = pending ? 'finalize' : hasDefault ? 'at once' : 'concurrently'
    await runAlone(database, doing, detachPartition(table, partition, how), DETACH_LIMIT_MS)
  }
}

async function dropDetached(database: Database, doing: string, table: TableName): Promise<number> {
  const names = await database.withClient(doing, (client) => listOutdated(client, table))
  let dropped = 0
  for (const name of names) {
    if (partitionDay(table, name) === undefined) continue
    await database.transaction(doing, (client) => dropTable(client, sibling(table, name)))
    dropped++
  }
  return dropped
}
