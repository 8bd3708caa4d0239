/** How often a value fell into which range: what Prometheus calls a histogram. One addition for each value. */

/** Upper bounds, ascending; above the last one is one more range. */
export type Bounds = readonly number[]

export class Distribution {
  /** Values up to each bound and above the one before; the last entry is for what is above all bounds. */
  private readonly inRange: number[]
  private total = 0

  constructor(readonly bounds: Bounds) {
    this.inRange = new Array<number>(bounds.length + 1).fill(0)
  }

  get sum(): number {
    return this.total
  }

  get count(): number {
    return this.inRange.reduce((sum, count) => sum + count, 0)
  }

  /** For each bound, the values up to it. */
  get cumulative(): readonly number[] {
    let sum = 0
    return this.bounds.map((_bound, at) => (sum += this.inRange[at] as number))
  }

  add(value: number): void {
    const { bounds, inRange } = this
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at++
    inRange[at] = (inRange[at] as number) + 1
    this.total += value
  }
}

/** Of several kinds of values, that of one kind; made when it is first needed. */
export function distributionOf<Kind>(
  all: Map<Kind, Distribution>,
  kind: Kind,
  bounds = RECORDS,
): Distribution {
  let found = all.get(kind)
  if (found === undefined) {
    found = new Distribution(bounds)
    all.set(kind, found)
  }
  return found
}

/** Of work that takes a millisecond to a second. */
export const SECONDS: Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
export const RECORDS: Bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
