/**
 * What a sink knows, beside the clocks, about the time: on which days the rows fall that came in lately, and whether
 * the time of day of this machine was set. Both by a monotonic clock.
 */
import { CLOCK_TOLERANCE_MS, PUT_OFF_MS } from './drop-guard'
import { DAY_MS } from '../rows/record-time'
import type { DropWatch } from './retention'

const LATELY_MS = 3_600_000
/** Rows of an hour fall on fewer days; the oldest are forgotten. */
const MAX_DAYS = 10_000

export class Arrivals implements DropWatch {
  readonly putOffAtMs = new Map<string, number>()
  /** When rows of a day came in last, the latest last. */
  private readonly days = new Map<number, number>()
  private offsetMs: number
  private setAt = -Infinity

  constructor(
    private readonly elapsed: () => number = () => performance.now(),
    private readonly timeOfDay: () => number = () => Date.now(),
  ) {
    this.offsetMs = timeOfDay() - elapsed()
  }

  /** @param days since 1970, in UTC, that rows which are being written fall on */
  note(days: Iterable<number>): void {
    const now = this.elapsed()
    for (const day of days) {
      this.days.delete(day)
      this.days.set(day, now)
    }
    for (const [day, at] of this.days) {
      if (this.days.size <= MAX_DAYS && now - at < LATELY_MS) return
      this.days.delete(day)
    }
  }

  gotRowsLately(fromMs: number, toMs: number): boolean {
    const now = this.elapsed()
    for (const [day, at] of this.days)
      if (now - at < LATELY_MS && day * DAY_MS < toMs && (day + 1) * DAY_MS > fromMs) return true
    return false
  }

  /** Within the last two days: what is put off because of it is put off for one. */
  get clockWasSet(): boolean {
    const offsetMs = this.timeOfDay() - this.elapsed()
    if (Math.abs(offsetMs - this.offsetMs) > CLOCK_TOLERANCE_MS) {
      this.offsetMs = offsetMs
      this.setAt = this.elapsed()
    }
    return this.elapsed() - this.setAt < 2 * PUT_OFF_MS
  }
}
