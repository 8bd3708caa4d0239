/**
 * Daily partitions of a table that this package has created: one for each day in UTC, a week ahead, and for older
 * days when rows of them come in. There is no default partition: it would forbid to detach others concurrently.
 */
import type { ClientBase } from 'pg'
import type { Database } from './database'
import { derivedName, sibling, type TableName } from './identifiers'
import { DAY_MS } from './row-mapping'
import { createPartition } from './sql/create-partition'
import { listPartitions } from './sql/list-partitions'
import { protectPartition } from './sql/protect-rows'
import { lockDefinitions } from './sql/lock-definitions'

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

  /** Creates the partitions of these days which do not exist. */
  async ensure(days: Iterable<number>): Promise<void> {
    const missing = [...days].filter((day) => !this.known.has(day))
    if (missing.length === 0) return
    await this.database.transaction(`adding partitions to "${this.table.table}"`, async (client) => {
      await lockDefinitions(client)
      const found = await this.days(client)
      for (const day of missing) {
        if (found.has(day)) continue
        const partition = sibling(this.table, partitionName(this.table, day))
        await createPartition(client, this.table, partition, dayStart(day), dayStart(day + 1))
        await protectPartition(client, this.table, partition)
      }
      this.known = found
    })
    for (const day of missing) this.known.add(day)
  }

  /** Today and the days ahead. */
  ensureAhead(nowMs = Date.now()): Promise<void> {
    const today = Math.floor(nowMs / DAY_MS)
    return this.ensure(Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => today + index))
  }

  private async days(client: ClientBase): Promise<Set<number>> {
    const days = new Set<number>()
    for (const { name } of await listPartitions(client, this.table)) {
      const day = partitionDay(this.table, name)
      if (day !== undefined) days.add(day)
    }
    return days
  }
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
