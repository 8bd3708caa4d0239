/**
 * What the retention keeps: one rule for writing rows and for dropping them. A row that would be dropped within the hour
 * is not written, but becomes a dead letter.
 */
import { DAY_MS } from './record-time'
import { TIME_OUTDATED, type Reason } from './rejected'

/** How a table whose old rows are dropped is kept. */
export interface Keeping {
  readonly days: number
  /** Rows are dropped in parts of this length, counted from 1970 in UTC: a day, or a chunk of TimescaleDB. */
  readonly partMs: number
}

/** The oldest part that is kept, counted from 1970: the one before it ended more than `days` ago. */
export function firstKeptPart({ days, partMs }: Keeping, nowMs: number): number {
  return Math.floor((nowMs - days * DAY_MS) / partMs)
}

/** Rows of an earlier instant would be dropped by the next run of the retention. */
export function keptFromMs(keeping: Keeping, nowMs: number): number {
  return firstKeptPart(keeping, nowMs) * keeping.partMs
}

/** @param timeMs of a record that arrived too late */
export function outdated(timeMs: number, days: number): Reason {
  const text =
    `the time ${new Date(timeMs).toISOString()} is older than the ${days} days that the table keeps, so the row would be ` +
    'dropped within the hour; choose a longer "Keep rows" in the sink, then send this dead letter through the flow again'
  return { code: TIME_OUTDATED, text }
}
