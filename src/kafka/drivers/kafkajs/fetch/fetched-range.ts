/**
 * What was fetched of a partition, as the package's own range. Left out are records below the offset that was asked for
 * (a batch comes whole), the markers at the end of transactions, and records of transactions that were aborted.
 */
import type { Batch } from 'kafkajs'
import type { OffsetGap } from '../../../../wire/message'
import type { ConsumedRecord } from '../../../driver'
import type { FetchedRange } from '../../../group/partitions/partition-reader'
import { fetchedIn, type AbortedTransaction } from './fetch-answer'
import { readRecords } from './fetched-record'
import { cannotBeOpened, type RecordBatch } from './record-batches'

/** What a batch has besides its public type. */
type KafkaJsBatch = Batch & {
  /** The offset that was asked for. */
  readonly fetchedOffset: string
}

export function fetchedRange(batch: Batch): FetchedRange {
  const { fetchedOffset, highWatermark, messages } = batch as KafkaJsBatch
  const fetched = fetchedIn(messages[0])
  const range = new RangeBuilder(Number(fetchedOffset), fetched.aborted)
  let { unreadable } = fetched
  for (const { offset, timestamp, key, value, headers } of fetched.old) {
    const time = Number((timestamp as string | undefined) ?? -1)
    range.add({
      ...{ offset: Number(offset), timestamp: time, key, value, headers: headers ?? {} },
      size: (key?.length ?? 0) + (value?.length ?? 0),
      hasHeader: (name) => headers?.[name] !== undefined,
      headerBytes: undefined,
    })
  }
  for (const each of fetched.batches) {
    try {
      range.addBatch(each)
    } catch (error) {
      unreadable = cannotBeOpened(error)
      break
    }
  }
  return { ...range.range(), highWatermark: Number(highWatermark), unreadable }
}

class RangeBuilder {
  private readonly records: ConsumedRecord[] = []
  private readonly gaps: OffsetGap[] = []
  private readonly aborting = new Set<bigint>()
  private readonly aborted: AbortedTransaction[]
  /** Everything before it was added, or is to be left out. */
  private next: number

  constructor(
    private readonly from: number,
    aborted: readonly AbortedTransaction[],
  ) {
    this.next = from
    this.aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** @throws Error when it is not what the format says; the records before that were added */
  addBatch(batch: RecordBatch): void {
    const isAborted = this.isAborted(batch)
    if (batch.lastOffset < this.next) return
    if (batch.isControl || isAborted) {
      this.moveTo(batch.firstOffset)
      this.next = batch.lastOffset + 1
    } else {
      readRecords(batch, this.add)
      this.moveTo(batch.lastOffset + 1)
    }
  }

  readonly add = (record: ConsumedRecord): void => {
    const { offset } = record
    if (offset < this.next) return
    this.moveTo(offset)
    this.next = offset + 1
    this.records.push(record)
  }

  range(): Pick<FetchedRange, 'fetchedOffset' | 'nextOffset' | 'records' | 'gaps'> {
    return { fetchedOffset: this.from, nextOffset: this.next, records: this.records, gaps: this.gaps }
  }

  /** Offsets that were left out of the log: compaction has deleted their records. */
  private moveTo(offset: number): void {
    if (offset <= this.next) return
    this.gaps.push({ from: this.next, to: offset })
    this.next = offset
  }

  /**
   * Of a producer's transaction, between the first offset that the broker has named and the marker of its end. Has to see
   * every batch that was fetched.
   */
  private isAborted(batch: RecordBatch): boolean {
    const { producerId, lastOffset } = batch
    while (this.aborted[0] !== undefined && this.aborted[0].firstOffset <= lastOffset)
      this.aborting.add((this.aborted.shift() as AbortedTransaction).producerId)
    if (this.aborting.size === 0) return false
    if (batch.isControl && isAbortMarker(batch)) this.aborting.delete(producerId)
    return batch.isTransactional && this.aborting.has(producerId)
  }
}

/** Its key has a version and a type, in two bytes each; type 0 is an abort. */
function isAbortMarker(batch: RecordBatch): boolean {
  let isAbort = false
  readRecords(batch, ({ key }) => {
    isAbort ||= key?.length === 4 && key.readInt16BE(2) === 0
  })
  return isAbort
}
