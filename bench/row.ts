/** A row of the benchmark: what is measured beside what, and what it should reach. Each is a file in `rows/`. */
import type { Figure, Figures } from './report/figures'
import type { Stage } from './stage'

/** One case of a row, measured once a round. */
export interface Side {
  readonly name: string
  /** Not ours: what we compare with. */
  readonly peer?: true
  /** Also measured by `--quick`. */
  readonly quick?: true
  /** Instead of the row's. */
  readonly reference?: string
  /** Why it cannot be measured here, and what would change that. */
  readonly missing?: () => string | undefined
}

/** What the figure of a side should reach. With `of`, a ratio to, or a difference from, the same figure of that side. */
export interface Target {
  readonly side: string
  readonly figure: Figure
  readonly atLeast?: number
  readonly atMost?: number
  readonly of?: { readonly side: string; readonly as: 'ratio' | 'difference' }
  /** Where the number comes from, when the row does not measure it. */
  readonly note?: string
}

/** What measuring needs besides the services. */
export interface Measuring {
  readonly stage: Stage
  /** Aborted by Ctrl-C, and when the measurement takes too long. */
  readonly signal: AbortSignal
  /** The size of a measurement: the first in a whole run, the second with `--quick`. */
  size(whole: number, quick: number): number
}

export interface Row<S extends Side = Side> {
  /** For `--only`. */
  readonly name: string
  /** Its number in the table, and what it is about. */
  readonly title: string
  /** What is measured, for the page. */
  readonly measures: string
  readonly sides: readonly S[]
  /** The sides that the others are divided by: the first that was measured. */
  readonly reference?: readonly string[]
  /** What is divided; default the rate. */
  readonly compared?: Figure
  readonly targets: readonly Target[]
  /** At most this many rounds; three are enough where nothing is compared with a peer. */
  readonly rounds?: number
  /** Longest that one measurement may take; default five minutes. */
  readonly limitMs?: number
  /** Makes what the row's sides share, and returns how one is measured. What it opens it registers with the stage. */
  open(measuring: Measuring): Promise<(side: S, measuring: Measuring) => Promise<Figures>>
}

/** What a run has found out about a row. */
export interface RowResult {
  readonly name: string
  readonly rounds: number
  readonly quick: boolean
  readonly sides: readonly SideResult[]
  readonly machine: Calm
  /** Why the row was given up. */
  readonly failed?: string
}

export interface SideResult {
  readonly name: string
  readonly peer: boolean
  /** Medians. */
  readonly figures: Figures
  readonly rounds: readonly Figures[]
  readonly missing?: string
}

/** How quiet the machine was before each measurement of a row. */
export interface Calm {
  /** A fixed amount of work takes this long, in ms. */
  readonly medianMs: number
  /** The slowest of these divided by the fastest. */
  readonly spread: number
  /** Share of all cores that was in use while nothing of ours had work; the median. NaN where the system does not say. */
  readonly inUse: number
}

/** The type of a row's own sides is known only to the row. */
export function defineRow<S extends Side>(row: Row<S>): Row {
  return row as unknown as Row
}
