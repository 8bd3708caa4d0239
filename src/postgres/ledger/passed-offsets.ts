/**
 * The outcome of the offsets that a position moves past: the ledger adds it up in the transaction that moves the
 * position, so that SQL alone can tell afterwards whether every offset is accounted for.
 *
 *     offsets passed + added = rows + dead letters + filtered
 *
 * What Kafka has compacted away before it was read is none of these, so that it shows as unaccounted for.
 * `rows` is what PostgreSQL says that it has stored, so the sum is open to being wrong.
 */
import { gapsWithin, NO_GAPS, sizeOfGaps } from '../../wire/offset-gaps'
import type { OffsetGap, WireRecord } from '../../wire/message'

export interface PassedOffsets {
  /** Rows that PostgreSQL has stored. */
  readonly rows: number
  /** Records in the table of dead letters, or handed to the output and settled there. */
  readonly deadLetters: number
  /** Offsets of which no record came: the flow has dropped it, or it is one of a transaction. */
  readonly filtered: number
  /** Records that the flow has made: without an offset, with one outside the range, or with another's. */
  readonly added: number
}

/**
 * What can be said before anything is written.
 * @param from the position; @param to the position after it
 * @param records all records that came for these offsets
 * @param gaps offsets of which Kafka had no record any more
 */
export function countOffsets(
  from: number,
  to: number,
  records: readonly WireRecord[],
  gaps: readonly OffsetGap[] = NO_GAPS,
): Pick<PassedOffsets, 'filtered' | 'added'> {
  const own = distinctOffsets(from, to, records)
  const missing = gaps.length === 0 ? 0 : sizeOfGaps(gapsWithin(gaps, from, to))
  return { filtered: Math.max(0, to - from - own - missing), added: records.length - own }
}

/** Records come in the order of their offsets, unless the flow has sorted them: only then is a set needed. */
function distinctOffsets(from: number, to: number, records: readonly WireRecord[]): number {
  let count = 0
  let last = -1
  for (const { kafka } of records) {
    const offset = kafka?.offset
    if (typeof offset !== 'number' || offset < from || offset >= to || offset === last) continue
    if (offset < last) return new Set(offsetsWithin(from, to, records)).size
    last = offset
    count++
  }
  return count
}

function offsetsWithin(from: number, to: number, records: readonly WireRecord[]): number[] {
  return records
    .map(({ kafka }) => kafka?.offset)
    .filter((offset) => typeof offset === 'number' && offset >= from && offset < to) as number[]
}
