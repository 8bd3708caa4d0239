/**
 * Tells a fault of the table from the rubbish of tenants. So many rows refused in the same way (the same code, by the
 * same column or constraint), of several tenants, and none stored in between: somebody has changed the table or set up
 * the sink for other data, and nothing more is written off. The count goes on from batch to batch and over all
 * partitions, because a slow stream has few rows in each.
 *
 * In prose: a batch of which nothing can be stored claims its refused rows before it is committed, and gives the
 * claim back when it is not. The first claim that makes the count full is refused: its batch is tried again for ever,
 * and goes through when the table takes a row of it, or when rows of another partition were stored and have begun the
 * count anew. What was refused under a count that was full says nothing under the next one: a transaction of which every
 * row was refused holds no lock on the table, so that somebody may have mended it since. Such a batch is tried once more.
 *
 * A tenant's rubbish says nothing about the table once the table has taken the rows of others in between. So what a
 * tenant keeps being refused for in the same way does not count from then on, until a row of the tenant is stored.
 */
import type { WireRecord } from '../runtime/wire'
import { DatabaseError } from './database-error'
import { isOfGoodRecord, type Reason, type RejectedRecord } from './rejected'

/** From so many rows on, a fault that all of them share is the table's. */
const SUSPICIOUS_ROWS = 100
/** So many of them at most count of one tenant: a flood and one more bad record elsewhere are no fault of the table. */
const MOST_OF_A_TENANT = 90
/** Refused so often in a row while others are stored, it is the tenant's own fault. */
const OWN_FAULT_ROWS = 20
/** Both could grow without end: a misled fleet names any tenant, and triggers raise any code. The oldest go. */
const MAX_WAYS = 100
const MAX_TENANTS = 1000

/** How many rows of each tenant were refused in one way since a row was stored last. */
type Streak = Map<unknown, number>

/** What was refused since a row was stored last. */
export interface RefusalCount {
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
  private count = emptyCount()
  private readonly ofTenants = new Map<unknown, Map<string, OwnRefusals>>()

  /** Ask for it before the first row of a batch is written, and give it to the claim. */
  get current(): RefusalCount {
    return this.count
  }

  /**
   * Call it before the commit of a batch of which every row was refused.
   * @param begunUnder the count that was current when the attempt began
   * @returns the function that gives the claim back, when the batch was not committed
   * @throws DatabaseError of kind `configuration` when the table is at fault; of kind `transient` when it was and has
   *   taken rows since the attempt began
   */
  claim(rejected: readonly RejectedRecord[], begunUnder: RefusalCount): () => void {
    const claims = new Map<string, { readonly first: Reason; readonly rows: Streak }>()
    for (const { record, reason } of rejected) {
      if (isOfGoodRecord(reason)) continue
      const way = wayOf(reason)
      if (this.ofTenants.get(record.tenant)?.get(way)?.isOwnFault === true) continue
      const claim = claims.get(way) ?? { first: reason, rows: new Map<unknown, number>() }
      add(claim.rows, record.tenant, 1)
      claims.set(way, claim)
    }
    const [one] = claims.values()
    if (one !== undefined && begunUnder.isFull && begunUnder !== this.count) throw tableMended(one.first)
    for (const [way, { first, rows }] of claims) {
      const before = this.count.streaks.get(way)
      if (evidence(rows, before) < SUSPICIOUS_ROWS) continue
      this.count.isFull = true
      throw tableAtFault(sum(rows), sum(before), first)
    }
    const undo = [...claims].map(([way, { rows }]) => this.lengthen(way, rows))
    return () => undo.forEach((giveBack) => giveBack())
  }

  /** What has become of the records of a batch, once it is committed. */
  note(records: readonly WireRecord[], rejected: readonly RejectedRecord[]): void {
    if (rejected.length === 0 && this.isEmpty()) return
    for (const { record, reason } of rejected) this.addOwn(record.tenant, wayOf(reason))
    const gone = new Set(rejected.map(({ record }) => record))
    const stored = new Set(records.filter((record) => !gone.has(record)).map(({ tenant }) => tenant))
    if (stored.size === 0) return
    this.count = emptyCount()
    for (const tenant of stored) this.ofTenants.delete(tenant)
    for (const ways of this.ofTenants.values()) {
      for (const own of ways.values()) own.isOwnFault ||= own.inARow >= OWN_FAULT_ROWS
    }
  }

  private isEmpty(): boolean {
    return this.count.streaks.size === 0 && !this.count.isFull && this.ofTenants.size === 0
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

function emptyCount(): RefusalCount {
  return { streaks: new Map(), isFull: false }
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

function tableAtFault(rows: number, before: number, { code, text }: Reason): DatabaseError {
  const which =
    before === 0
      ? `all ${rows} rows of a batch, of several tenants, were refused in the same way`
      : `the last ${before + rows} rows, of several tenants, were refused in the same way and none was stored`
  const writtenOff =
    before === 0
      ? 'nothing was written off'
      : `nothing more is written off; the first ${before} of them are dead letters`
  const message = `${which}, so the table or the sink is set up for other data; ${writtenOff}. The first: ${text}`
  return new DatabaseError('configuration', code, message, `every row refused (${code})`)
}

function tableMended({ code, text }: Reason): DatabaseError {
  const message = `rows were refused before the table took others again; trying again. The first: ${text}`
  return new DatabaseError('transient', code, message, 'trying again')
}
