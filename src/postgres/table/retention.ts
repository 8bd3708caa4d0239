/**
 * Drops what is older than the retention, without stopping readers or writers: detach concurrently, finish what was
 * interrupted, drop. What does not succeed within the time limits is tried again a minute later. Whether it may be
 * dropped at all is judged in `drop-guard.ts`.
 */
import type { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import {
  cautiousNow,
  checkTheClock,
  judgeDrop,
  PUT_OFF_MS,
  type DropAnswer,
  type DropQuestion,
  type Part,
} from './drop-guard'
import { sibling, type TableName } from '../connect/identifiers'
import { firstKeptPart } from '../rows/kept-time'
import { runAlone } from '../connect/lone-statement'
import { partitionDay } from './partitions'
import { DAY_MS } from '../rows/record-time'
import type { Clocks } from '../connect/server-clock'
import {
  detachPartition,
  dropTable,
  listOutdated,
  listPartitions,
  markOutdated,
  markPutOff,
  type Partition,
  putOffAt,
} from './partition-statements'
import { dropChunks, listChunks } from './hypertable-statements'
import { readClock } from '../connect/server-statements'
import { tablesWithRows } from './table-statements'

export interface RetentionOptions {
  readonly table: TableName
  readonly layout: 'by day' | 'hypertable'
  readonly days: number
}

/** What this process knows of its clock and of the rows that came in. */
export interface DropWatch {
  readonly clockWasSet: boolean
  /** Rows of an instant from here to there came in within the last hour. */
  gotRowsLately(fromMs: number, toMs: number): boolean
  /** For parts whose comment is not ours: when their drop was first put off, by the server's clock. */
  readonly putOffAtMs: Map<string, number>
}

export interface Dropped {
  readonly count: number
  /** Why not everything was dropped that is due. */
  readonly problem: PipelineError | undefined
}

/** One round, with what every step of it needs. */
interface Round extends RetentionOptions {
  readonly database: Database
  /** For errors. */
  readonly doing: string
  readonly clocks: Clocks
  readonly watch: DropWatch
}

/** For a detach, most of which waits for others: it is tried again in a minute. */
const DETACH_LIMIT_MS = 5_000

/**
 * Detaches and drops the partitions of which every row is older than `days`, if that can be believed.
 * @throws DatabaseError when a lock was not granted, or the database is away; the next run resumes there
 */
export async function dropOutdated(
  database: Database,
  options: RetentionOptions,
  watch: DropWatch,
): Promise<Dropped> {
  const doing = `dropping old rows of "${options.table.table}"`
  const serverMs = await database.withClient(doing, readClock)
  database.clock.note(serverMs)
  const round = { ...options, database, doing, clocks: { oursMs: Date.now(), serverMs }, watch }
  return options.layout === 'hypertable' ? dropOutdatedChunks(round) : dropOutdatedDays(round)
}

async function dropOutdatedChunks(round: Round): Promise<Dropped> {
  const { database, doing, table, days, clocks, watch } = round
  const beforeMs = cautiousNow(clocks) - days * DAY_MS
  const chunks = await database.withClient(doing, (client) => listChunks(client, table))
  const parts = chunks.map(({ name, from, to }): Part => {
    const putOffAtMs = watch.putOffAtMs.get(name)
    return { name, fromMs: from.getTime(), toMs: to.getTime(), hasRows: true, putOffAtMs }
  })
  const due = parts.filter(({ toMs }) => toMs <= beforeMs)
  // One part holds up all others, so it waits for a day, however long the gap is.
  const { drop, putOff, problem } = judge(round, { parts, due, longestWaitMs: PUT_OFF_MS })
  for (const { name } of putOff) if (!watch.putOffAtMs.has(name)) watch.putOffAtMs.set(name, clocks.serverMs)
  // TimescaleDB drops what is older than an instant: all that is due, or nothing.
  if (due.length === 0 || drop.length < due.length) return { count: 0, problem }
  const before = new Date(beforeMs)
  return { count: await database.transaction(doing, (client) => dropChunks(client, table, before)), problem }
}

async function dropOutdatedDays(round: Round): Promise<Dropped> {
  const { database, doing, table, days, clocks } = round
  const firstDay = firstKeptPart({ days, partMs: DAY_MS }, cautiousNow(clocks))
  const partitions = await database.withClient(doing, (client) => listPartitions(client, table))
  const ofDays = partitions.flatMap((partition) => {
    const day = partitionDay(table, partition.name)
    return day === undefined ? [] : [{ ...partition, day }]
  })
  const attached = ofDays.filter(({ pending }) => !pending)
  // Where nothing is due, no table is read.
  const asked = attached.some(({ day }) => day < firstDay) ? attached.map(({ name }) => name) : []
  const filled = await database.withClient(doing, (client) => tablesWithRows(client, table, asked))
  const parts = attached.map(({ name, day, comment }): Part => {
    const [fromMs, toMs] = [day * DAY_MS, (day + 1) * DAY_MS]
    return { name, fromMs, toMs, hasRows: filled.has(name), putOffAtMs: putOffAt(comment) }
  })
  const due = parts.filter(({ fromMs }) => fromMs < firstDay * DAY_MS)
  const { drop, putOff, problem } = judge(round, { parts, due, longestWaitMs: days * DAY_MS })
  for (const { name, putOffAtMs } of putOff) {
    if (putOffAtMs !== undefined && putOffAtMs <= clocks.serverMs) continue
    await database.transaction(doing, (client) => markPutOff(client, sibling(table, name), clocks.serverMs))
  }
  const names = new Set(drop.map(({ name }) => name))
  // Half detached: what was begun is finished, whatever the clock says now.
  const going = ofDays.filter(({ name, day, pending }) => names.has(name) || (pending && day < firstDay))
  const hasDefault = partitions.some(({ isDefault }) => isDefault)
  await detach(round, going, hasDefault)
  return { count: await dropDetached(round), problem }
}

function judge(
  { table, clocks, watch }: Round,
  question: Pick<DropQuestion, 'parts' | 'due' | 'longestWaitMs'>,
): Pick<DropAnswer, 'drop' | 'putOff'> & Pick<Dropped, 'problem'> {
  const { drop, putOff, reason } = judgeDrop({
    ...question,
    clocks,
    clockWasSet: watch.clockWasSet,
    gotRowsLately: ({ fromMs, toMs }) => watch.gotRowsLately(fromMs, toMs),
  })
  // What was put off before was reported then.
  const isNew = putOff.length === 0 || putOff.some(({ putOffAtMs }) => putOffAtMs === undefined)
  const problem =
    reason !== undefined && isNew ? checkTheClock(table.table, reason, putOff.length > 0) : undefined
  return { drop, putOff, problem }
}

async function detach(
  { database, doing, table }: Round,
  partitions: readonly Partition[],
  hasDefault: boolean,
): Promise<void> {
  // PostgreSQL allows one at a time: no other can be detached while one is half detached.
  const pendingFirst = [
    ...partitions.filter(({ pending }) => pending),
    ...partitions.filter(({ pending }) => !pending),
  ]
  for (const { name, pending } of pendingFirst) {
    const partition = sibling(table, name)
    await database.transaction(doing, (client) => markOutdated(client, partition))
    const how = pending ? 'finalize' : hasDefault ? 'at once' : 'concurrently'
    await runAlone(database, doing, detachPartition(table, partition, how), DETACH_LIMIT_MS)
  }
}

async function dropDetached({ database, doing, table }: Round): Promise<number> {
  const names = await database.withClient(doing, (client) => listOutdated(client, table))
  let dropped = 0
  for (const name of names) {
    if (partitionDay(table, name) === undefined) continue
    await database.transaction(doing, (client) => dropTable(client, sibling(table, name)))
    dropped++
  }
  return dropped
}
