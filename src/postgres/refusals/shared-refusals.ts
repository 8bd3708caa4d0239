/**
 * Distinguishes a fault of the table from rows that are at fault, by evidence: do other rows pass?
 *
 * The rule, for rows that PostgreSQL refuses or that cannot be encoded for their columns:
 *
 *  1. Other rows of the same batch are stored: those that are refused are at fault, and become dead letters.
 *  2. No row of a batch is stored. Then rows that the table has taken in the last hour are tried again, and rolled back
 *     (`witnesses.ts`). When no row of a tenant outside the batch passes, nothing distinguishes good rows from bad ones. `UNPROVEN_ROWS` in a row become dead letters, whatever they were refused for, counted for each Kafka
 *     topic until one of its rows is stored. After that the table is taken to be at fault: the sink stops. So a stream
 *     of a single tenant in which nothing can be stored stops, whether its table was changed or it carries other data.
 *  3. When a row of another tenant passes, a tenant's rubbish is its own, however much of it comes: it must not stop the
 *     others. Only when `SUSPICIOUS_ROWS` of several tenants are refused in the same way (the same code, by the same
 *     column, constraint or partition key) and none is stored in between, the table is taken to be at fault: it may take
 *     old rows and refuse all new ones.
 *  4. An error that is about the table rather than the row (a missing partition or right, a time limit) is never held
 *     against a row unless another one passes, in the batch or of the last hour. Otherwise the sink waits.
 *
 * A stopped sink writes nothing off. It keeps retrying the same batch, searches all of it for a row that can be
 * stored, and resumes when there is one, or when rows of the same topic were stored meanwhile from another partition.
 *
 * A batch claims its refused rows before it is committed, and gives the claim back when it is not. The count continues
 * from batch to batch and over all partitions, because a slow stream has few rows in each. What was refused under a
 * count that was full says nothing under the next one: a transaction of which every row was refused holds no lock on the
 * table, so it may have been repaired since. Such a batch is tried once more.
 *
 * What a tenant keeps being refused for in the same way while the rows of others are stored does not count from then on,
 * until a row of the tenant is stored.
 */
import type { WireRecord } from '../../wire/message'
import { DatabaseError } from '../connect/database-error'
import { isOfGoodRecord, type Reason, type RejectedRecord } from '../rows/rejected'
import type { Evidence } from './witnesses'
import { phrase } from '../../status/phrase'

/** Dead letters in a row, of one Kafka topic, before a table that takes no other row is taken to be at fault. */
const UNPROVEN_ROWS = 50
/** From this many rows on, a fault that several tenants share is the table's. */
const SUSPICIOUS_ROWS = 100
/** A single tenant contributes at most this many: a flood and one more bad record elsewhere are no fault of the table. */
const MOST_OF_A_TENANT = 90
/** Refused this often in a row while others are stored, it is the tenant's own fault. */
const OWN_FAULT_ROWS = 20
/** Bounds: misconfigured devices name any tenant, and triggers raise any code. The oldest are forgotten. */
const MAX_WAYS = 100
const MAX_TENANTS = 1000
const MAX_TOPICS = 1000

/** How many rows of each tenant were refused in one way since a row was stored last. */
type Streak = Map<unknown, number>

/** What was refused since a row was stored last. */
export interface RefusalCount {
  /** Grows from one to the next. */
  readonly number: number
  readonly streaks: Map<string, Streak>
  /** A claim was refused: the table is taken to be at fault. */
  isFull: boolean
}

interface OwnRefusals {
  inARow: number
  /** Rows of others were stored meanwhile. */
  isOwnFault: boolean
}

export class SharedRefusals {
  private count = emptyCount(0)
  private readonly ofTenants = new Map<unknown, Map<string, OwnRefusals>>()
  /** By topic: rows refused since one was stored, while the table took no other row. */
  private readonly unproven = new Map<unknown, { rows: number }>()
  /** By topic: the number of the count that began when a row of it was stored last. */
  private readonly storedAt = new Map<unknown, number>()
  /** Batches that were stopped, known by their first record, with the number of the count. */
  private readonly stoppedAt = new WeakMap<WireRecord, number>()

  /** Ask for it before the first row of a batch is written, and give it to the claim. */
  get current(): RefusalCount {
    return this.count
  }

  /**
   * Call it before the commit of a batch of which every row was refused.
   * @param begunUnder the count that was current when the attempt began
   * @param evidence   which other rows the table takes
   * @returns the function that gives the claim back, when the batch was not committed
   * @throws DatabaseError of kind `configuration` when the table is at fault; of kind `transient` when it was and has
   *   taken rows since the attempt began
   */
  claim(
    rejected: readonly RejectedRecord[],
    begunUnder: RefusalCount,
    { othersPass }: Pick<Evidence, 'othersPass'>,
  ): () => void {
    const claims = new Map<string, { readonly first: Reason; readonly rows: Streak }>()
    const byTopic = new Map<unknown, number>()
    for (const { record, reason } of rejected) {
      if (isOfGoodRecord(reason)) continue
      const way = wayOf(reason)
      if (this.ofTenants.get(record.tenant)?.get(way)?.isOwnFault === true) continue
      const claim = claims.get(way) ?? { first: reason, rows: new Map<unknown, number>() }
      add(claim.rows, record.tenant, 1)
      claims.set(way, claim)
      add(byTopic, record.kafka?.topic, 1)
    }
    const [one] = claims.values()
    if (one === undefined) return () => undefined
    if (begunUnder.isFull && begunUnder !== this.count) throw tableRepaired(one.first)
    for (const [way, { first, rows }] of claims) {
      const before = this.count.streaks.get(way)
      if (evidence(rows, before) < SUSPICIOUS_ROWS) continue
      this.count.isFull = true
      throw inOneWay(sum(rows), sum(before), first)
    }
    if (!othersPass)
      this.assertMayBeRows(byTopic, (rejected[0] as RejectedRecord).record, begunUnder, one.first)
    const undo = [...claims].map(([way, { rows }]) => this.lengthen(way, rows))
    if (!othersPass) undo.push(...[...byTopic].map(([topic, rows]) => this.lengthenUnproven(topic, rows)))
    return () => undo.forEach((giveBack) => giveBack())
  }

  /** @param batch its first record */
  private assertMayBeRows(
    byTopic: ReadonlyMap<unknown, number>,
    batch: WireRecord,
    begunUnder: RefusalCount,
    first: Reason,
  ): void {
    for (const [topic, rows] of byTopic) {
      const before = this.unproven.get(topic)?.rows ?? 0
      if (before + rows <= UNPROVEN_ROWS) continue
      const stored = this.storedAt.get(topic) ?? -1
      const stopped = this.stoppedAt.get(batch)
      // Rows of the topic were stored after the batch was stopped, and before this attempt.
      if (stopped !== undefined && stored > stopped && begunUnder.number >= stored) continue
      this.count.isFull = true
      this.stoppedAt.set(batch, stopped ?? this.count.number)
      throw nothingPasses(rows, before, first)
    }
  }

  /** The outcome of the records of a batch, once it is committed. */
  note(records: readonly WireRecord[], rejected: readonly RejectedRecord[]): void {
    if (rejected.length === 0 && this.isEmpty()) return
    for (const { record, reason } of rejected) this.addOwn(record.tenant, wayOf(reason))
    const gone = new Set(rejected.map(({ record }) => record))
    const stored = records.filter((record) => !gone.has(record))
    if (stored.length === 0) return
    this.count = emptyCount(this.count.number + 1)
    for (const topic of new Set(stored.map(({ kafka }) => kafka?.topic))) {
      this.unproven.delete(topic)
      this.storedAt.delete(topic)
      this.storedAt.set(topic, this.count.number)
      dropOldest(this.storedAt, MAX_TOPICS)
    }
    for (const tenant of new Set(stored.map(({ tenant }) => tenant))) this.ofTenants.delete(tenant)
    for (const ways of this.ofTenants.values()) {
      for (const own of ways.values()) own.isOwnFault ||= own.inARow >= OWN_FAULT_ROWS
    }
  }

  private isEmpty(): boolean {
    const { streaks, isFull } = this.count
    return streaks.size === 0 && !isFull && this.ofTenants.size === 0 && this.unproven.size === 0
  }

  private lengthen(way: string, rows: Streak): () => void {
    const { streaks } = this.count
    const streak = streaks.get(way) ?? new Map<unknown, number>()
    streaks.set(way, streak)
    dropOldest(streaks, MAX_WAYS)
    for (const [tenant, count] of rows) add(streak, tenant, count)
    return () => {
      for (const [tenant, count] of rows) add(streak, tenant, -count)
    }
  }

  private lengthenUnproven(topic: unknown, rows: number): () => void {
    const inARow = this.unproven.get(topic) ?? { rows: 0 }
    this.unproven.set(topic, inARow)
    dropOldest(this.unproven, MAX_TOPICS)
    inARow.rows += rows
    return () => {
      inARow.rows -= rows
    }
  }

  private addOwn(tenant: unknown, way: string): void {
    const ways = this.ofTenants.get(tenant) ?? new Map<string, OwnRefusals>()
    this.ofTenants.set(tenant, ways)
    dropOldest(this.ofTenants, MAX_TENANTS)
    const own = ways.get(way) ?? { inARow: 0, isOwnFault: false }
    own.inARow++
    ways.set(way, own)
    dropOldest(ways, MAX_WAYS)
  }
}

function emptyCount(number: number): RefusalCount {
  return { number, streaks: new Map(), isFull: false }
}

function add(streak: Streak, tenant: unknown, count: number): void {
  streak.set(tenant, (streak.get(tenant) ?? 0) + count)
}

function sum(streak: Streak | undefined): number {
  return [...(streak ?? new Map<unknown, number>()).values()].reduce((all, count) => all + count, 0)
}

function evidence(rows: Streak, before: Streak = new Map()): number {
  let all = 0
  for (const tenant of new Set([...rows.keys(), ...before.keys()])) {
    all += Math.min(MOST_OF_A_TENANT, (rows.get(tenant) ?? 0) + (before.get(tenant) ?? 0))
  }
  return all
}

function wayOf({ code, rule }: Reason): string {
  return rule === undefined ? code : `${code} ${rule}`
}

function dropOldest(map: Map<unknown, unknown>, most: number): void {
  if (map.size > most) map.delete(map.keys().next().value)
}

function inOneWay(rows: number, before: number, first: Reason): DatabaseError {
  const which =
    before === 0
      ? `all ${rows} rows of a batch, of several tenants, were refused in the same way`
      : `the last ${before + rows} rows, of several tenants, were refused in the same way and none was stored`
  return tableAtFault(which, before, first)
}

function nothingPasses(rows: number, before: number, first: Reason): DatabaseError {
  const which =
    before === 0
      ? `all ${rows} rows of a batch were refused, and the table takes no others`
      : `the last ${before + rows} rows were refused and none was stored, and the table takes no others`
  return tableAtFault(which, before, first)
}

function tableAtFault(which: string, before: number, { code, text }: Reason): DatabaseError {
  const writtenOff =
    before === 0
      ? 'nothing was written off'
      : `nothing more is written off; the first ${before} of them are dead letters`
  const message =
    `${which}, so the table has changed, or the topic carries other data than the sink is set up for; ${writtenOff}. ` +
    'Repair the table or the sink, and it resumes by itself; or, if these records are of no use, route them to a ' +
    `tenant dead letter before the sink. The first: ${text}`
  return new DatabaseError('configuration', code, message, phrase('postgresEveryRowRefused', { code }))
}

function tableRepaired({ code, text }: Reason): DatabaseError {
  const message = `rows were refused before the table took others again; trying again. The first: ${text}`
  return new DatabaseError('transient', code, message, 'postgresTryingAgain')
}
