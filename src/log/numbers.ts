/** Numbers as statuses and log lines show them. */

/** With commas between thousands: `12,345`. */
export function shownNumber(value: number): string {
  return value.toLocaleString('en')
}

/** A rate is measured over at least this long: after each event it would jump. */
const RATE_SPAN_MS = 900

/** How many per second, of a count that only grows. */
export class Rate {
  private perSecond = 0
  private countBefore = 0

  constructor(private measuredAtMs: number) {}

  /** Rounded, as shown; what was measured last while the span is too short. */
  measure(count: number, nowMs: number): string {
    const spanMs = nowMs - this.measuredAtMs
    if (spanMs >= RATE_SPAN_MS) {
      this.perSecond = Math.round(((count - this.countBefore) * 1000) / spanMs)
      this.countBefore = count
      this.measuredAtMs = nowMs
    }
    return `${shownNumber(this.perSecond)}/s`
  }
}
