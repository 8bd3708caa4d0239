/**
 * Whether the retention may drop what it takes for outdated. A drop cannot be taken back, and a clock that is wrong (a
 * dead battery, a restored snapshot, a year mistyped) makes the newest rows look expired. So it never rests on one clock:
 *
 *  - The clocks of this machine and of PostgreSQL agree, and the one that is behind decides what is outdated.
 *  - What got rows within the last hour stays until it has got none for an hour.
 *  - When a day without rows lies between what would be dropped and now, either no rows came for that long, or the clock
 *    has jumped over it, on one machine for all: ahead, or back to where it should be after a boot without one. Then
 *    the rows are as much younger as the gap is long, so the drop waits for as long, and at most for as long as the table
 *    keeps rows. The same, for a day, when the clock was set while we watched. Nothing can tell which, and waiting costs only disk.
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
  /** What is put off waits no longer: by then its rows are as old as the table keeps them, whatever the clock has done. */
  readonly longestWaitMs: number
  /** The time of day of this machine was set since the process began to watch. */
  readonly clockWasSet: boolean
  /** Rows of this part came in within the last hour. */
  readonly gotRowsLately: (part: Part) => boolean
}

export interface DropAnswer {
  readonly drop: readonly Part[]
  /** They may go a day or more after they were first put off. */
  readonly putOff: readonly Part[]
  /** Why not all that is due may go. */
  readonly reason?: string
}

/** Clocks that are kept right differ by less. */
export const CLOCK_TOLERANCE_MS = 300_000
/** At least. */
export const PUT_OFF_MS = DAY_MS

/** The time before which rows are outdated goes by the clock that is behind. */
export function cautiousNow({ oursMs, serverMs }: Clocks): number {
  return Math.min(oursMs, serverMs)
}

/** Parts without rows may always go. */
export function judgeDrop(question: DropQuestion): DropAnswer {
  const { due, clocks, gotRowsLately } = question
  const empty = due.filter(({ hasRows }) => !hasRows)
  const filled = due.filter((part) => part.hasRows && !gotRowsLately(part))
  if (Math.abs(clocks.oursMs - clocks.serverMs) > CLOCK_TOLERANCE_MS)
    return { drop: empty, putOff: [], reason: differ(clocks) }
  if (filled.length === 0) return { drop: empty, putOff: [] }
  const gaps = gapsBeforeNow(question)
  const waits = new Map(filled.map((part) => [part, waitOf(part, gaps, question)]))
  const isRipe = (part: Part): boolean => {
    const wait = waits.get(part)
    if (wait === undefined) return true
    return part.putOffAtMs !== undefined && clocks.serverMs - part.putOffAtMs >= wait.forMs
  }
  const putOff = filled.filter((part) => !isRipe(part))
  const drop = [...empty, ...filled.filter(isRipe)]
  const [first] = putOff
  return first === undefined ? { drop, putOff } : { drop, putOff, reason: waits.get(first)?.reason as string }
}

interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

interface Wait {
  readonly forMs: number
  readonly reason: string
}

/** How long, and why, a part waits before it is dropped; `undefined`: it may go. */
function waitOf(
  part: Part,
  gaps: readonly Gap[],
  { clockWasSet, longestWaitMs }: DropQuestion,
): Wait | undefined {
  const after = gaps.filter(({ fromMs }) => fromMs >= part.toMs)
  const longest = after.sort((one, other) => lengthOf(other) - lengthOf(one))[0]
  if (longest === undefined)
    return clockWasSet ? { forMs: PUT_OFF_MS, reason: 'the time of day was set' } : undefined
  const forMs = Math.max(PUT_OFF_MS, Math.min(lengthOf(longest), longestWaitMs))
  return { forMs, reason: noRows(longest.fromMs, longest.toMs) }
}

function lengthOf({ fromMs, toMs }: Gap): number {
  return toMs - fromMs
}

/** Where no rows are for a day or more. */
function gapsBeforeNow({ parts, clocks }: DropQuestion): Gap[] {
  const filled = parts.filter(({ hasRows, fromMs }) => hasRows && fromMs <= clocks.serverMs)
  const sorted = filled.sort((one, other) => one.fromMs - other.fromMs)
  const gaps = sorted.map(({ toMs }, at) => ({
    fromMs: toMs,
    toMs: sorted[at + 1]?.fromMs ?? clocks.serverMs,
  }))
  return gaps.filter((gap) => lengthOf(gap) >= DAY_MS)
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
    ? 'They are dropped a day later, or after as long as no rows came, unless the clock is put right before'
    : 'They are dropped when the clocks agree'
  return new PipelineError(
    'CHECK_CLOCK',
    `old rows of "${table}" were not dropped, because the clock may be wrong: ${reason}. Check the clock of this machine ` +
      `and of the PostgreSQL server. ${then}`,
    { retryable: false, status: 'checkClock' },
  )
}
