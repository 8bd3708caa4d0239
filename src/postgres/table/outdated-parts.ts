/**
 * What the retention would drop now: the same choice as `retention.ts` makes when the clocks can be believed. Nothing is
 * dropped.
 */
import type { ClientBase } from 'pg'
import type { Database } from '../connect/database'
import { cautiousNow } from './drop-guard'
import type { TableName } from '../connect/identifiers'
import { firstKeptPart } from '../rows/kept-time'
import { partitionDay } from './partitions'
import { DAY_MS } from '../rows/record-time'
import type { RetentionOptions } from './retention'
import { listOutdated, listPartitions } from './partition-statements'
import { listOutdatedChunks, type MeasuredChunk } from './hypertable-statements'
import { measureTables } from './table-statements'

/** A partition, or a chunk of TimescaleDB. */
export type OutdatedPart = MeasuredChunk

/** @throws DatabaseError */
export function listOutdatedParts(
  database: Database,
  { table, layout, days }: RetentionOptions,
): Promise<OutdatedPart[]> {
  const nowMs = cautiousNow({ oursMs: Date.now(), serverMs: database.clock.now() })
  return database.transaction(`looking for old rows of "${table.table}"`, (client) =>
    layout === 'hypertable'
      ? listOutdatedChunks(client, table, new Date(nowMs - days * DAY_MS))
      : listOutdatedPartitions(client, table, firstKeptPart({ days, partMs: DAY_MS }, nowMs)),
  )
}

async function listOutdatedPartitions(
  client: ClientBase,
  table: TableName,
  firstDay: number,
): Promise<OutdatedPart[]> {
  const attached = (await listPartitions(client, table)).map(({ name }) => name)
  const days = new Map<string, number>()
  for (const name of attached) {
    const day = partitionDay(table, name)
    if (day !== undefined && day < firstDay) days.set(name, day)
  }
  // Taken out of the table before, and to be dropped as soon as nothing locks them.
  for (const name of await listOutdated(client, table)) {
    const day = partitionDay(table, name)
    if (day !== undefined) days.set(name, day)
  }
  const measured = await measureTables(client, table, [...days.keys()].sort())
  return measured.map((measure) => {
    const day = days.get(measure.name) as number
    return { ...measure, from: new Date(day * DAY_MS), to: new Date((day + 1) * DAY_MS) }
  })
}
