/**
 * Whether the retention may drop what it takes for outdated. A drop cannot be taken back, and a clock that is wrong (a
 * dead battery, a restored snapshot, a year mistyped) makes the newest rows look expired. So it never rests on one clock:
 *
 *  - The clocks of this machine and of PostgreSQL agree, and the one that is behind decides what is outdated.
 *  - What got rows within the last hour stays until it has got none for an hour.
 *  - When a day without rows lies between what would be dropped and now, either no rows came for a day, or the clock has
 *    jumped over it, on one machine for everybody. The same when the clock was set while we watched. Nobody can tell, so
 *    the drop waits for a day: long enough for the clock to be put right, and a day of rows more on the disk.
 */
import { PipelineError } from '../../wire/errors'
import { DAY_MS } from '../rows/record-time'
import type { Clocks } from '../connect/server-clock'

/** A day, or a chunk of TimescaleDB. */
export interface Part {
  readonly name: string
  readonly fromMs: number
  /** The instant after its last. */
  readonly toMs: number
  readonly hasRows: boolean
  /** By the server's clock: when it was first put off. */
  readonly putOffAtMs?: number | undefined
}

export interface DropQuestion {
  /** All parts of the table that have begun, due or not. */
  readonly parts: readonly Part[]
  readonly due: readonly Part[]
  readonly clocks: Clocks
  /** The time of day of this machine was set since the process began to watch. */
  readonly clockWasSet: boolean
  /** Rows of this part came in within the last hour. */
  readonly gotRowsLately: (part: Part) => boolean
}

export interface DropAnswer {
  readonly drop: readonly Part[]
  /** They may go a day after they were first put off. */
  readonly putOff: readonly Part[]
  /** Why not all that is due may go. */
  readonly reason?: string
}

/** Clocks that are kept right differ by less. */
export const CLOCK_TOLERANCE_MS = 300_000
export const PUT_OFF_MS = DAY_MS

/** The time before which rows are outdated goes by the clock that is behind. */
export function cautiousNow({ oursMs, serverMs }: Clocks): number {
  return Math.min(oursMs, serverMs)
}

/** Parts without rows may always go. */
export function judgeDrop(question: DropQuestion): DropAnswer {
  const { due, clocks, clockWasSet, gotRowsLately } = question
  const empty = due.filter(({ hasRows }) => !hasRows)
  const filled = due.filter((part) => part.hasRows && !gotRowsLately(part))
  if (Math.abs(clocks.oursMs - clocks.serverMs) > CLOCK_TOLERANCE_MS)
    return { drop: empty, putOff: [], reason: differ(clocks) }
  if (filled.length === 0) return { drop: empty, putOff: [] }
  const gap = gapAfter(question)
  if (gap === undefined && !clockWasSet) return { drop: [...empty, ...filled], putOff: [] }
  const isRipe = ({ putOffAtMs }: Part): boolean =>
    putOffAtMs !== undefined && clocks.serverMs - putOffAtMs >= PUT_OFF_MS
  const putOff = filled.filter((part) => !isRipe(part))
  const drop = [...empty, ...filled.filter(isRipe)]
  if (putOff.length === 0) return { drop, putOff }
  return { drop, putOff, reason: gap ?? 'the time of day was set' }
}

/** @returns where no rows are, in words, between the oldest part with rows that is due and now */
function gapAfter({ parts, due, clocks }: DropQuestion): string | undefined {
  const filled = parts.filter(({ hasRows }) => hasRows).sort((one, other) => one.fromMs - other.fromMs)
  const oldest = Math.min(...due.filter(({ hasRows }) => hasRows).map(({ fromMs }) => fromMs))
  let endMs = NaN
  for (const { fromMs, toMs } of filled) {
    if (fromMs < oldest || fromMs > clocks.serverMs) continue
    if (fromMs - endMs >= DAY_MS) return noRows(endMs, fromMs)
    endMs = toMs
  }
  return clocks.serverMs - endMs >= DAY_MS ? noRows(endMs, clocks.serverMs) : undefined
}

function noRows(fromMs: number, toMs: number): string {
  return `there are no rows between ${dayOf(fromMs)} and ${dayOf(toMs)}`
}

function differ({ oursMs, serverMs }: Clocks): string {
  const [ours, server] = [oursMs, serverMs].map((ms) => new Date(ms).toISOString())
  return `it is ${ours} here and ${server} at PostgreSQL`
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** @param putOff whether it is tried again by itself a day later */
export function checkTheClock(table: string, reason: string, isPutOff: boolean): PipelineError {
  const then = isPutOff
    ? 'They are dropped a day later, unless the clock is put right before'
    : 'They are dropped when the clocks agree'
  return new PipelineError(
    'CHECK_CLOCK',
    `old rows of "${table}" were not dropped, because the clock may be wrong: ${reason}. Check the clock of this machine ` +
      `and of the PostgreSQL server. ${then}`,
    { retryable: false, statusText: 'check the clock' },
  )
}
