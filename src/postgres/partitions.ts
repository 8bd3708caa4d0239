/**
 * Daily partitions of a table that this package has created: one for each day in UTC, a week ahead, and for older
 * days when rows of them come in. There is no default partition: it would forbid to detach others concurrently.
 *
 * A day can be without a place: its partition is half detached, or was detached and kept its name. Somebody has done
 * that, or the retention. Late rows of such a day are refused one by one, because waiting for their place would hold up
 * all that comes after them. Rows of today are not late: then the table is not as it should be, and the sink waits.
 */
import type { ClientBase } from 'pg'
import type { Database } from './database'
import { DatabaseError } from './database-error'
import { derivedName, qualified, sibling, type TableName } from './identifiers'
import { DAY_MS } from './record-time'
import { NO_PARTITION, type Reason } from './rejected'
import { createPartition } from './sql/create-partition'
import { listPartitions } from './sql/list-partitions'
import { protectPartition } from './sql/protect-rows'
import { lockDefinitions } from './sql/lock-definitions'
import { tablesNamed } from './sql/tables-named'

/** Today and the seven days after: whoever is alarmed by a failing database has a week. */
export const DAYS_AHEAD = 7

export class DailyPartitions {
  private known = new Set<number>()

  constructor(
    private readonly database: Database,
    private readonly table: TableName,
  ) {}

  /** Somebody else may have dropped partitions: look again. */
  forget(): void {
    this.known.clear()
  }

  /**
   * Sees to it that rows of these days have a place.
   * @returns days gone by for which there can be none, and why
   * @throws DatabaseError of kind `configuration` when there can be none for today, or for a day to come
   */
  async forRows(days: Iterable<number>, nowMs = Date.now()): Promise<ReadonlyMap<number, Reason>> {
    const refused = await this.create(days)
    const today = Math.floor(nowMs / DAY_MS)
    for (const [day, reason] of refused) if (day >= today) throw inTheWay(reason)
    return refused
  }

  /**
   * Today and the days ahead.
   * @returns what keeps one of them from having a partition; rows of the others can be written
   */
  async ensureAhead(nowMs = Date.now()): Promise<DatabaseError | undefined> {
    const today = Math.floor(nowMs / DAY_MS)
    const days = Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => today + index)
    const [reason] = (await this.create(days)).values()
    return reason && inTheWay(reason)
  }

  /** Creates the partitions of these days which do not exist. @returns the days for which that cannot be done */
  private async create(days: Iterable<number>): Promise<ReadonlyMap<number, Reason>> {
    const missing = [...days].filter((day) => !this.known.has(day))
    const refused = new Map<number, Reason>()
    if (missing.length === 0) return refused
    await this.database.transaction(`adding partitions to "${this.table.table}"`, async (client) => {
      await lockDefinitions(client)
      const { attached, pending } = await this.days(client)
      const absent = missing.filter((day) => !attached.has(day))
      const taken = await tablesNamed(
        client,
        this.table,
        absent.map((day) => partitionName(this.table, day)),
      )
      for (const day of absent) {
        const partition = sibling(this.table, partitionName(this.table, day))
        if (taken.has(partition.table)) {
          refused.set(day, noPlace(this.table, partition, day, pending.has(day)))
          continue
        }
        await createPartition(client, this.table, partition, dayStart(day), dayStart(day + 1))
        await protectPartition(client, this.table, partition)
      }
      this.known = attached
    })
    for (const day of missing) if (!refused.has(day)) this.known.add(day)
    return refused
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
  const mended = 'then send the dead letters of that day through the flow again'
  const why = isPending
    ? `its partition ${qualified(partition)} is half detached; finish that (alter table ${qualified(parent)} detach ` +
      `partition ${qualified(partition)} finalize), and attach it again or give it another name, ${mended}`
    : `${qualified(partition)} is there and is no partition of it, probably because it was detached; attach it again or ` +
      `give it another name, ${mended}`
  return {
    code: NO_PARTITION,
    text: `the table ${qualified(parent)} takes no rows of ${dayStart(day).slice(0, 10)}: ${why}`,
  }
}

function inTheWay({ text }: Reason): DatabaseError {
  return new DatabaseError('configuration', '42P07', text, 'a detached partition is in the way')
}

/** `iot_messages_p20251120`. @param day days since 1970 */
export function partitionName({ table }: TableName, day: number): string {
  return derivedName(table, `_p${dayStart(day).slice(0, 10).replaceAll('-', '')}`)
}

/** The day of one of our partitions; `undefined` for a name that we have not given. */
export function partitionDay(table: TableName, name: string): number | undefined {
  const match = /_p(\d{4})(\d\d)(\d\d)$/.exec(name)
  if (match === null) return undefined
  const day = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / DAY_MS
  return partitionName(table, day) === name ? day : undefined
}

function dayStart(day: number): string {
  return new Date(day * DAY_MS).toISOString()
}
