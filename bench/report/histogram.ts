/**
 * Percentiles over all values, not over a sample: each is counted in a bucket that is one percent wide, as in HDR
 * histograms, so that a million latencies take a few kilobytes and a percentile is right to one percent.
 */
const WIDTH = Math.log(1.01)

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
}

export class Histogram {
  /** By bucket; what is below 0.001 is in bucket 0. */
  private readonly counts: number[] = []
  private total = 0

  get size(): number {
    return this.total
  }

  /** @param value ≥ 0, in any unit */
  record(value: number, times = 1): void {
    const bucket = value <= 0.001 ? 0 : Math.floor(Math.log(value / 0.001) / WIDTH)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + times
    this.total += times
  }

  /** The value that this share of all values does not exceed; NaN when there are none. @param share 0 < share ≤ 1 */
  percentile(share: number): number {
    if (this.total === 0) return NaN
    let left = Math.ceil(this.total * share)
    const bucket = this.counts.findIndex((count = 0) => (left -= count) <= 0)
    return 0.001 * Math.exp((bucket + 0.5) * WIDTH)
  }

  percentiles(): Percentiles {
    const [p50, p95, p99, p999] = [0.5, 0.95, 0.99, 0.999].map((share) => this.percentile(share))
    return { p50: p50!, p95: p95!, p99: p99!, p999: p999! }
  }
}
