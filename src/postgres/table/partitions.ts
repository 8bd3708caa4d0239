/**
 * Daily partitions of a table that this package has created: one for each day in UTC, a week ahead, and for older
 * days when rows of them come in. There is no default partition: it would forbid to detach others concurrently.
 *
 * A day can be without a place: its partition is half detached, or was detached and kept its name. The operator has done
 * that, or the retention. Late rows of such a day are refused one by one, because waiting for their place would hold up
 * all that comes after them. Rows of today are not late: then the table is not as it should be, and the sink waits.
 */
import type { ClientBase } from 'pg'
import type { Database } from '../connect/database'
import { asDatabaseError, DatabaseError } from '../connect/database-error'
import { derivedName, qualified, sibling, type TableName } from '../connect/identifiers'
import { DAY_MS } from '../rows/record-time'
import { NO_PARTITION, type Reason } from '../rows/rejected'
import { createPartition, listPartitions, type NameHolder, whoHasName } from './partition-statements'
import { protectPartition } from './table-statements'
import { lockDefinitions } from '../connect/server-statements'

/** Today and the seven days after: an operator who is alarmed by a failing database has a week. */
export const DAYS_AHEAD = 7

/**
 * SQLSTATEs by which PostgreSQL says that rows of the day have a place already: an operator has given the table a
 * partition that overlaps the day, or a default partition that has rows of it.
 */
const HAS_A_PLACE = ['42P17', '23514']

/** Days that have no partition. */
interface Placeless {
  /** Their name is taken, by what was their partition. */
  readonly refused: ReadonlyMap<number, Reason>
  /** PostgreSQL does not let us make it. */
  readonly failed: ReadonlyMap<number, DatabaseError>
}

export class DailyPartitions {
  private known = new Set<number>()

  constructor(
    private readonly database: Database,
    private readonly table: TableName,
  ) {}

  /** Partitions may have been dropped: look again. */
  forget(): void {
    this.known.clear()
  }

  /**
   * Makes sure that rows of these days have a place.
   * @returns days gone by for which there can be none, and why
   * @throws DatabaseError of kind `configuration` when there can be none for today, or for a day to come
   */
  async forRows(
    days: Iterable<number>,
    nowMs = this.database.clock.now(),
  ): Promise<ReadonlyMap<number, Reason>> {
    const { refused, failed } = await this.create(days)
    for (const error of failed.values()) throw error
    const today = Math.floor(nowMs / DAY_MS)
    for (const [day, reason] of refused) if (day >= today) throw inTheWay(reason)
    return refused
  }

  /**
   * Today and the days ahead.
   * @returns what keeps one of them from having a partition; rows of the others can be written
   */
  async ensureAhead(nowMs = this.database.clock.now()): Promise<DatabaseError | undefined> {
    const today = Math.floor(nowMs / DAY_MS)
    const days = Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => today + index)
    const { refused, failed } = await this.create(days)
    const [error] = failed.values()
    const [reason] = refused.values()
    return error ?? (reason && inTheWay(reason))
  }

  /** Creates the partitions of these days which do not exist. */
  private async create(days: Iterable<number>): Promise<Placeless> {
    const missing = [...days].filter((day) => !this.known.has(day))
    const refused = new Map<number, Reason>()
    const failed = new Map<number, DatabaseError>()
    if (missing.length === 0) return { refused, failed }
    const doing = `adding partitions to "${this.table.table}"`
    await this.database.transaction(doing, async (client) => {
      await lockDefinitions(client)
      const { attached, pending } = await this.days(client)
      for (const day of missing) {
        if (attached.has(day)) continue
        const { name, holder } = await this.freeName(client, day)
        const partition = sibling(this.table, name)
        if (holder === 'detached') {
          refused.set(day, noPlace(this.table, partition, day, pending.has(day)))
          continue
        }
        const error = await this.attempt(client, partition, day, doing)
        if (error !== undefined && !HAS_A_PLACE.includes(error.sqlState)) failed.set(day, error)
      }
      this.known = attached
    })
    for (const day of missing) if (!refused.has(day) && !failed.has(day)) this.known.add(day)
    return { refused, failed }
  }

  /** What one day meets does not keep the others from having their partition. */
  private async attempt(
    client: ClientBase,
    partition: TableName,
    day: number,
    doing: string,
  ): Promise<DatabaseError | undefined> {
    await client.query('savepoint partition')
    try {
      await createPartition(client, this.table, partition, dayStart(day), dayStart(day + 1))
      await protectPartition(client, this.table, partition)
    } catch (thrown) {
      const error = asDatabaseError(thrown, doing)
      if (error.kind === 'transient') throw error
      await client.query('rollback to savepoint partition')
      return error
    }
    await client.query('release savepoint partition')
    return undefined
  }

  /** The first name for the day's partition that is free, or that what was its partition has. */
  private async freeName(
    client: ClientBase,
    day: number,
  ): Promise<{ readonly name: string; readonly holder: NameHolder | undefined }> {
    for (let number = 1; ; number++) {
      const name = partitionName(this.table, day, number)
      const holder = await whoHasName(client, this.table, name)
      if (holder !== 'other') return { name, holder }
    }
  }

  /** The days of which the table has a partition, and those whose partition is half detached and takes no rows. */
  private async days(client: ClientBase): Promise<{ attached: Set<number>; pending: Set<number> }> {
    const [attached, half] = [new Set<number>(), new Set<number>()]
    for (const { name, pending } of await listPartitions(client, this.table)) {
      const day = partitionDay(this.table, name)
      if (day !== undefined) (pending ? half : attached).add(day)
    }
    return { attached, pending: half }
  }
}

function noPlace(parent: TableName, partition: TableName, day: number, isPending: boolean): Reason {
  const then = 'then send the dead letters of that day through the flow again'
  const why = isPending
    ? `its partition ${qualified(partition)} is half detached; finish that (alter table ${qualified(parent)} detach ` +
      `partition ${qualified(partition)} finalize), and attach it again or give it another name, ${then}`
    : `${qualified(partition)} is there and is no partition of it, probably because it was detached; attach it again or ` +
      `give it another name, ${then}`
  return {
    code: NO_PARTITION,
    text: `the table ${qualified(parent)} takes no rows of ${dayStart(day).slice(0, 10)}: ${why}`,
  }
}

function inTheWay({ text }: Reason): DatabaseError {
  return new DatabaseError('configuration', '42P07', text, 'postgresDetachedPartition')
}

/**
 * `iot_messages_p20251120`, and `iot_messages_p20251120_2` where something else has that name.
 * @param day days since 1970
 */
export function partitionName({ table }: TableName, day: number, number = 1): string {
  const suffix = `_p${dayStart(day).slice(0, 10).replaceAll('-', '')}`
  return derivedName(table, number === 1 ? suffix : `${suffix}_${number}`)
}

/** The day of one of our partitions; `undefined` for a name that we have not given. */
export function partitionDay(table: TableName, name: string): number | undefined {
  const match = /_p(\d{4})(\d\d)(\d\d)(?:_(\d{1,4}))?$/.exec(name)
  if (match === null) return undefined
  const day = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / DAY_MS
  return partitionName(table, day, Number(match[4] ?? 1)) === name ? day : undefined
}

function dayStart(day: number): string {
  return new Date(day * DAY_MS).toISOString()
}
