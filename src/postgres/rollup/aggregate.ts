/** What is kept of the numbers of one metric in one window. Neither the order of records nor that of batches changes it. */
import { DecimalSums } from './decimal-sums'

/** A number, and what decides which one is the first or the last of those of one instant. */
export interface Point {
  readonly timeMs: number
  /** -1: the record is not from Kafka. */
  readonly offset: number
  readonly value: number
}

export class Aggregate {
  count = 0
  min = Infinity
  max = -Infinity
  first: Point
  last: Point
  readonly sums = new DecimalSums()

  /** @param point is not counted yet */
  constructor(point: Point) {
    this.first = point
    this.last = point
  }

  add(point: Point): void {
    const { value } = point
    this.count++
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    if (isBefore(point, this.first)) this.first = point
    if (isBefore(this.last, point)) this.last = point
    this.sums.add(value)
  }

  merge({ count, min, max, first, last, sums }: Aggregate): void {
    this.count += count
    if (min < this.min) this.min = min
    if (max > this.max) this.max = max
    if (isBefore(first, this.first)) this.first = first
    if (isBefore(this.last, last)) this.last = last
    this.sums.merge(sums)
  }
}

/**
 * By event time, then by offset, as Kafka has them in order. The value decides between records of two partitions, which are in
 * no order.
 */
function isBefore(one: Point, other: Point): boolean {
  if (one.timeMs !== other.timeMs) return one.timeMs < other.timeMs
  if (one.offset !== other.offset) return one.offset < other.offset
  return one.value < other.value
}
