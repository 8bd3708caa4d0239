/**
 * How many messages are due. A pure function of the clock, so that late timers change the size of a burst but
 * not the rate. What could not be sent for longer than a moment (the broker was down) is not caught up.
 */
export const LONGEST_BURST_MS = 250

export class Pace {
  private owed = 0

  constructor(
    private ratePerSecond: number,
    private lastMs: number,
  ) {}

  set rate(perSecond: number) {
    this.ratePerSecond = perSecond
  }

  /** Whole messages due since the last call; a fraction is carried on. */
  due(nowMs: number): number {
    const elapsedMs = Math.min(nowMs - this.lastMs, LONGEST_BURST_MS)
    this.lastMs = nowMs
    this.owed += (elapsedMs * this.ratePerSecond) / 1000
    const whole = Math.floor(this.owed)
    this.owed -= whole
    return whole
  }
}
