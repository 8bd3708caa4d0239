/** How a replay went, in numbers. */
import type { Outcome } from '../../delivery/delivery'
import type { PipelineError } from '../../wire/errors'
import type { LeftLetters } from './replay-statements'

/** A letter that has ended in the flow. */
export interface Replayed {
  readonly id: string
  readonly tenant: string | undefined
  readonly outcome: Outcome
  readonly error: PipelineError | undefined
}

export interface ReplayReport extends LeftLetters {
  /** Letters that were to be sent. */
  readonly found: number
  readonly delivered: number
  /** Ended by the flow on purpose. */
  readonly filtered: number
  readonly failed: number
  /** Gone, or replayed by another node, before it was their turn. */
  readonly skipped: number
}

export function nothingYet(found: number, { spent, incomplete }: LeftLetters): ReplayReport {
  return { found, delivered: 0, filtered: 0, failed: 0, skipped: 0, spent, incomplete }
}

export function addUp(report: ReplayReport, ended: readonly Replayed[], skipped: number): ReplayReport {
  const sums = { ...report, skipped: report.skipped + skipped }
  for (const { outcome } of ended) sums[outcome]++
  return sums
}

/** Every letter that was found has ended; not so when the node was closed in the middle. */
export function isOver({ found, delivered, filtered, failed, skipped }: ReplayReport): boolean {
  return delivered + filtered + failed + skipped >= found
}
