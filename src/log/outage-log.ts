/**
 * Makes two lines of an outage, however often it is reported: one when it begins, one when it is over, with its
 * length. A reason that comes up later in the same outage gets a line too, once.
 *
 * States: it is well, or in an outage. An outage begins with the first problem. It is over when the problem is
 * gone for `settleMs`; soon after another outage for at least ten seconds, so that flapping is one long outage.
 */
import type { PipelineError } from '../wire/errors'
import type { EventLog } from './event-log'
import type { EventCode } from './events'

const FLAPPING_MS = 60_000
const STABLE_MS = 10_000

export interface OutageOptions {
  readonly away: EventCode
  readonly back: EventCode
  /** The event and the sentence of the first time that all is well, when there was no outage before. */
  readonly first?: readonly [EventCode, string]
  /** The sentence when it is over, without the length: `Kafka works again`. */
  readonly backText: string
  /** How long the problem has to be gone. Default: the first moment without it counts. */
  readonly settleMs?: number
  /** The one tenant that it is about. */
  readonly tenant?: string
  readonly now?: () => number
}

export interface Report {
  /** Another kind of event than `away`. */
  readonly code?: EventCode
  readonly counts?: Readonly<Record<string, number>>
}

export class OutageLog {
  private readonly said = new Set<string>()
  private readonly now: () => number
  private beganMs: number | undefined
  private wasWell = false
  private goneMs: number | undefined
  private overMs = -Infinity
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly log: EventLog,
    private readonly options: OutageOptions,
  ) {
    this.now = options.now ?? (() => performance.now())
  }

  /** @param problem `undefined`: all is well. Call it as often as you like. */
  report(problem: PipelineError | undefined, { code = this.options.away, counts }: Report = {}): void {
    clearTimeout(this.timer)
    if (problem === undefined) return this.well(counts)
    this.beganMs ??= this.now()
    this.goneMs = undefined
    const what = `${code} ${problem.code}`
    if (this.said.has(what)) return
    this.said.add(what)
    const { tenant } = this.options
    this.log.problem(code, problem, { tenant, ...(counts && { counts }) })
  }

  close(): void {
    clearTimeout(this.timer)
  }

  private well(counts: Report['counts']): void {
    const { back, backText, first, settleMs = 0, tenant } = this.options
    if (this.beganMs === undefined) {
      if (first !== undefined && !this.wasWell) this.log.note(...first, counts && { counts })
      this.wasWell = true
      return
    }
    this.wasWell = true
    this.goneMs ??= this.now()
    const neededMs = this.beganMs - this.overMs < FLAPPING_MS ? Math.max(STABLE_MS, settleMs) : settleMs
    const missingMs = this.goneMs + neededMs - this.now()
    if (missingMs > 0) {
      this.timer = setTimeout(() => this.report(undefined), missingMs).unref()
      return
    }
    const seconds = Math.round((this.goneMs - this.beganMs) / 1000)
    this.beganMs = undefined
    this.overMs = this.now()
    this.said.clear()
    this.log.note(back, `${backText}, after ${seconds} s`, { tenant, counts: { ...counts, seconds } })
  }
}
