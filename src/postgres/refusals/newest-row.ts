/**
 * A table that is partitioned by time, and not by us, may lack the partition of today, because an operator or a job has not
 * created it. Then rows of today are refused while late ones pass, which must not count against those of today.
 *
 * The evidence: only the partition of a time within the last day is missing, and no row as new as that was ever stored. A
 * row whose partition was dropped is older than others that pass: it is late, and at fault itself. So is one of a tenant
 * whose own partition is divided by time, because others have the time in theirs.
 */
import type { DatabaseError } from '../connect/database-error'
import { CLOCK_TOLERANCE_MS } from '../table/drop-guard'
import type { Homeless } from '../write/part-writer'
import type { RowTarget } from '../write/row-target'
import { DAY_MS } from '../rows/record-time'

export class NewestRow {
  private newestMs = -Infinity

  /** Rows of these times are durable. */
  note(timesMs: readonly number[], nowMs: number): void {
    this.newestMs = newest(timesMs, nowMs, this.newestMs)
  }

  /**
   * @param passedMs the times of rows of the same batch that the table takes
   * @returns the refusal of a row, when the table is at fault
   */
  faultOfTable(
    target: RowTarget,
    homeless: readonly Homeless[],
    passedMs: readonly number[],
    nowMs: number,
  ): DatabaseError | undefined {
    if (homeless.length === 0) return undefined
    const passed = newest(passedMs, nowMs, this.newestMs)
    return homeless.find(
      ({ timeMs, error }) =>
        isByTime(target, error) && timeMs > Math.max(passed, nowMs - DAY_MS) && timeMs <= latest(nowMs),
    )?.error
  }
}

/** Whether the table itself lacks a partition, and not one of its partitions. */
function isByTime({ table, mapping }: RowTarget, { rowFault }: DatabaseError): boolean {
  const time = mapping.columns.find(({ source }) => source.kind === 'time')
  return time !== undefined && rowFault?.rule === time.name && rowFault.relation === table.table
}

/** Rows that are further ahead, of a device with a wrong clock, say nothing about today. */
function latest(nowMs: number): number {
  return nowMs + CLOCK_TOLERANCE_MS
}

function newest(timesMs: readonly number[], nowMs: number, from: number): number {
  const to = latest(nowMs)
  return timesMs.reduce((newest, timeMs) => (timeMs > newest && timeMs <= to ? timeMs : newest), from)
}
