/**
 * What one assigned partition has fetched, handed out and settled: a pure state machine.
 *
 * `starting` until the start offset is known; `reading` from then on; `stopped` when records may be lost, until
 * it is released; `revoked` when another member of the group owns the partition. Only `reading` accepts
 * and hands out.
 *
 * Three offsets only ever grow, from `start` on:  settled ≤ handedOut ≤ position.
 *
 *  - `position`: where the next fetched range must begin. A client that fetches from elsewhere (kafkajs does so
 *    until a `seek` takes effect, and after an offset was out of range) is found out by comparing.
 *  - `handedOut`: end of the last batch that was handed out. The batches tile the log: a batch begins where the
 *    one before ended, also when compaction or transaction markers left a gap between the records.
 *  - `settled`: end of the last batch that the flow has finished. One batch is outstanding at a time.
 */
import { gapsWithin, NO_GAPS } from '../../../wire/offset-gaps'
import type { OffsetGap } from '../../../wire/message'
import type { ConsumedBatch, ConsumedRecord, TopicPartition } from '../../driver'

/** What one fetch brought for a partition. */
export interface FetchedRange {
  /** The offset that was asked for. */
  readonly fetchedOffset: number
  /** The offset after the range, records that are filtered out (transaction markers) included. */
  readonly nextOffset: number
  readonly records: readonly ConsumedRecord[]
  readonly highWatermark: number
  /** Offsets of the range that have no record, in order. */
  readonly gaps?: readonly OffsetGap[]
  /** Why what follows the range cannot be read, when it cannot. */
  readonly unreadable?: string | undefined
}

/** `behind`: nothing in it is new. `ahead`: offsets between the position and the range were skipped. */
export type Acceptance = 'taken' | 'behind' | 'ahead' | 'ignored'

export interface BatchLimits {
  readonly maxRecords: number
  /** A single record may be larger. */
  readonly maxBytes: number
}

/** What may wait of one partition, when that is more than one batch. */
const BATCHES_AHEAD = 8
const MAX_BYTES_AHEAD = 4 * 1024 * 1024

/** What headers and objects of a record cost, besides key and value; about, for records of this package. */
const RECORD_OVERHEAD_BYTES = 500

interface Waiting {
  readonly range: FetchedRange
  /** The next record of the range that has not been handed out. */
  index: number
}

export class PartitionReader {
  private state: 'starting' | 'reading' | 'stopped' | 'revoked' = 'starting'
  private readonly waiting: Waiting[] = []
  /** Of what was fetched and not handed out. */
  private gaps: readonly OffsetGap[] = NO_GAPS
  private nextPosition = -1
  private handedOutTo = -1
  private settledTo = -1
  private isOutstanding = false
  private bytes = 0

  constructor(
    readonly partition: TopicPartition,
    private readonly limits: BatchLimits,
  ) {}

  get isReading(): boolean {
    return this.state === 'reading'
  }

  get isStopped(): boolean {
    return this.state === 'stopped'
  }

  get isRevoked(): boolean {
    return this.state === 'revoked'
  }

  get position(): number {
    return this.nextPosition
  }

  get handedOut(): number {
    return this.handedOutTo
  }

  get settled(): number {
    return this.settledTo
  }

  /** What is fetched and not handed out takes about this much memory. */
  get waitingBytes(): number {
    return this.bytes
  }

  /**
   * Fetch more, while the flow is busy with the outstanding batch: less than one batch is waiting, or less than several
   * small ones. A client asks a broker once for all partitions, and while the others have nothing the answer takes its
   * whole time; a partition that was paused when it asked has to live on what is waiting.
   */
  get wantsMore(): boolean {
    if (this.state !== 'reading') return false
    const { maxRecords, maxBytes } = this.limits
    let records = 0
    for (const { range, index } of this.waiting) records += range.records.length - index
    if (records < maxRecords && this.bytes < maxBytes + records * RECORD_OVERHEAD_BYTES) return true
    return records < BATCHES_AHEAD * maxRecords && this.bytes < MAX_BYTES_AHEAD
  }

  /** The start offset is known; or a partition that has stopped is to continue here, also further back. */
  start(offset: number): void {
    if (this.isOutstanding || (this.state !== 'starting' && this.state !== 'stopped'))
      throw new Error(`cannot start a partition that is ${this.state}`)
    this.state = 'reading'
    this.nextPosition = this.handedOutTo = this.settledTo = offset
  }

  accept(range: FetchedRange): Acceptance {
    if (this.state !== 'reading') return 'ignored'
    if (range.fetchedOffset > this.nextPosition) return 'ahead'
    if (range.nextOffset <= this.nextPosition) return 'behind'
    const { gaps = NO_GAPS } = range
    if (gaps.length > 0) {
      this.gaps = [...this.gaps, ...gapsWithin(gaps, this.nextPosition, range.nextOffset)]
    }
    const index = range.records.findIndex((record) => record.offset >= this.nextPosition)
    this.nextPosition = range.nextOffset
    if (index < 0) return 'taken'
    this.bytes += sizeOf(range.records, index)
    this.waiting.push({ range, index })
    return 'taken'
  }

  /** None is outstanding, and one is there. */
  get canTake(): boolean {
    return this.state === 'reading' && !this.isOutstanding && this.waiting.length > 0
  }

  /** The next batch, when there is one to take. */
  take(): ConsumedBatch | undefined {
    const head = this.waiting[0]
    if (!this.canTake || head === undefined) return undefined
    const firstOffset = this.handedOutTo
    const { records, nextOffset, highWatermark } = this.takeRecords(head)
    const gaps = this.takeGaps(firstOffset, nextOffset)
    this.handedOutTo = nextOffset
    this.isOutstanding = true
    return { ...this.partition, records, firstOffset, nextOffset, highWatermark, gaps }
  }

  /** As many as the limits allow: what several fetches have brought while the flow was busy leaves as one batch. */
  private takeRecords(first: Waiting): Pick<ConsumedBatch, 'records' | 'nextOffset' | 'highWatermark'> {
    const { maxRecords, maxBytes } = this.limits
    const records: ConsumedRecord[] = []
    let { nextOffset, highWatermark } = first.range
    let bytes = 0
    for (let head: Waiting | undefined = first; head !== undefined; head = this.waiting[0]) {
      const { range } = head
      for (; head.index < range.records.length; head.index++) {
        const record = range.records[head.index] as ConsumedRecord
        const fits = records.length < maxRecords && bytes + record.size <= maxBytes
        if (!fits && records.length > 0) break
        records.push(record)
        bytes += record.size
        nextOffset = record.offset + 1
      }
      if (head.index < range.records.length) break
      this.waiting.shift()
      ;({ nextOffset, highWatermark } = range)
    }
    this.bytes -= bytes + records.length * RECORD_OVERHEAD_BYTES
    return { records, nextOffset, highWatermark }
  }

  /** The flow has finished the outstanding batch. */
  settle(): void {
    if (!this.isOutstanding) throw new Error('no batch is outstanding')
    this.isOutstanding = false
    this.settledTo = this.handedOutTo
  }

  /** The flow could not take the outstanding batch; nothing of it counts as settled. */
  giveUp(): void {
    this.isOutstanding = false
  }

  /** Records may be lost: nothing more is handed out. */
  stop(): void {
    if (this.state !== 'revoked') this.state = 'stopped'
    this.forgetWaiting()
  }

  revoke(): void {
    this.state = 'revoked'
    this.forgetWaiting()
  }

  private takeGaps(firstOffset: number, nextOffset: number): readonly OffsetGap[] {
    if (this.gaps.length === 0) return NO_GAPS
    const taken = gapsWithin(this.gaps, firstOffset, nextOffset)
    this.gaps = gapsWithin(this.gaps, nextOffset, Infinity)
    return taken
  }

  private forgetWaiting(): void {
    this.waiting.length = 0
    this.gaps = NO_GAPS
    this.bytes = 0
  }
}

/** What records take in memory, from this one on, about. */
export function sizeOf(records: readonly ConsumedRecord[], from = 0): number {
  let bytes = 0
  for (let index = from; index < records.length; index++)
    bytes += (records[index] as ConsumedRecord).size + RECORD_OVERHEAD_BYTES
  return bytes
}
