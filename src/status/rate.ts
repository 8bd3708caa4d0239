/** How many messages or rows a second a node handles, for its status. */
import { phrase, type Phrase } from './phrase'

/** A rate is measured over at least this long: after each event it would jump. */
const RATE_SPAN_MS = 900

/** How many per second, of a count that only grows. */
export class Rate {
  private perSecond = 0
  private countBefore = 0

  constructor(private measuredAtMs: number) {}

  /** Rounded, as shown; what was measured last while the span is too short. */
  measure(count: number, nowMs: number): Phrase {
    const spanMs = nowMs - this.measuredAtMs
    if (spanMs >= RATE_SPAN_MS) {
      this.perSecond = Math.round(((count - this.countBefore) * 1000) / spanMs)
      this.countBefore = count
      this.measuredAtMs = nowMs
    }
    return phrase('perSecond', { number: this.perSecond })
  }
}
