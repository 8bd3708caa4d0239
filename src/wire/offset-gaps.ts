/**
 * Offsets that have no record. Kafka numbers what is written without leaving one out, and it deletes from the beginning
 * only; control records of transactions and records of aborted ones are there and are filtered by the client. So a gap
 * within what was fetched means that compaction has deleted records before they were read.
 */
import type { OffsetGap } from './message'

export const NO_GAPS: readonly OffsetGap[] = []

/** What the offsets of a fetched range leave out. @param offsets ascending, from `from` on */
export function gapsIn(from: number, offsets: Iterable<number>): OffsetGap[] {
  const gaps: OffsetGap[] = []
  let next = from
  for (const offset of offsets) {
    if (offset > next) gaps.push({ from: next, to: offset })
    if (offset >= next) next = offset + 1
  }
  return gaps
}

/** The part of these gaps that lies within a range of offsets. */
export function gapsWithin(gaps: readonly OffsetGap[], from: number, to: number): OffsetGap[] {
  return gaps
    .map((gap) => ({ from: Math.max(gap.from, from), to: Math.min(gap.to, to) }))
    .filter((gap) => gap.from < gap.to)
}

export function sizeOfGaps(gaps: readonly OffsetGap[]): number {
  return gaps.reduce((size, { from, to }) => size + to - from, 0)
}
