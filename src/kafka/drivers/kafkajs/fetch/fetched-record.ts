/**
 * A record in the bytes that were fetched. It knows where its parts are, and makes key, value and headers when they are
 * asked for, with every question: most records wait for their batch first, and those that are fetched in vain are never
 * looked at.
 */
import type { HeaderBytes, HeaderTaker } from '../../../../record/record-headers'
import type { ConsumedRecord } from '../../../driver'
import { readHeaderNames, type HeaderNames } from './header-names'
import type { RecordBatch } from './record-batches'
import { VarintReader } from './varints'

/** Below this, the sum of a time and a delta that is a number is exact. */
const EXACT = 2 ** 52

type Headers = Record<string, Buffer | null | (Buffer | null)[]>

/** Without `constructor` and the like, which would be there before the first header is read; and not a hash table. */
const HeadersOfRecord = function () {} as unknown as new () => Headers
HeadersOfRecord.prototype = Object.create(null) as Headers

export class FetchedRecord implements ConsumedRecord, HeaderBytes {
  constructor(
    private readonly bytes: Buffer,
    readonly offset: number,
    readonly timestamp: number,
    private readonly keyStart: number,
    private readonly keyLength: number,
    private readonly valueStart: number,
    private readonly valueLength: number,
    private readonly end: number,
    private readonly names: HeaderNames,
  ) {}

  get key(): Buffer | null {
    return part(this.bytes, this.keyStart, this.keyLength)
  }

  get value(): Buffer | null {
    return part(this.bytes, this.valueStart, this.valueLength)
  }

  get size(): number {
    return Math.max(0, this.keyLength) + Math.max(0, this.valueLength)
  }

  hasHeader(name: string): boolean {
    return this.names.list.includes(name)
  }

  get headerBytes(): HeaderBytes | undefined {
    return this.names.hasRepeats ? undefined : this
  }

  eachHeader(taker: HeaderTaker): void {
    const { list } = this.names
    const reader = this.headerReader()
    for (let place = 0; place < list.length; place++) {
      reader.skip(reader.int())
      const length = reader.int()
      const start = reader.at
      if (length < 0) continue
      reader.at += length
      taker.header(list[place] as string, this.bytes, start, reader.at)
    }
  }

  get headers(): Headers {
    const headers = new HeadersOfRecord()
    const { bytes } = this
    const reader = this.headerReader()
    for (const name of this.names.list) {
      reader.skip(reader.int())
      const length = reader.int()
      const value = part(bytes, reader.at, length)
      reader.skip(length)
      const before = headers[name]
      if (before === undefined) headers[name] = value
      else if (Array.isArray(before)) before.push(value)
      else headers[name] = [before, value]
    }
    return headers
  }

  /** At the first name; how many there are is known. */
  private headerReader(): VarintReader {
    const reader = new VarintReader(this.bytes, this.valueStart + Math.max(0, this.valueLength), this.end)
    reader.int()
    return reader
  }
}

function part(bytes: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(start, start + length)
}

/**
 * The records of a batch, each handed to `take` in order.
 * @throws Error when the batch is not what the format says; records before that were handed over
 */
export function readRecords(batch: RecordBatch, take: (record: FetchedRecord) => void): void {
  const { bytes, count, firstOffset, appendTime } = batch
  const firstTimestamp = Number(batch.firstTimestamp)
  const isExact = Math.abs(firstTimestamp) < EXACT
  const reader = new VarintReader(bytes, batch.start, batch.end)
  for (let read = 0; read < count; read++) {
    reader.end = batch.end
    const length = reader.int()
    const end = reader.at + length
    if (length < 0 || end > batch.end) throw new RangeError('a record is longer than its batch')
    reader.end = end
    reader.skip(1)
    const delta = reader.long()
    const timestamp =
      appendTime ??
      (isExact && typeof delta === 'number' ? firstTimestamp + delta : wideSum(batch.firstTimestamp, delta))
    const offset = firstOffset + reader.int()
    const keyLength = reader.int()
    const keyStart = reader.at
    reader.skip(keyLength)
    const valueLength = reader.int()
    const valueStart = reader.at
    reader.skip(valueLength)
    const names = readHeaderNames(reader)
    reader.at = end
    take(
      new FetchedRecord(bytes, offset, timestamp, keyStart, keyLength, valueStart, valueLength, end, names),
    )
  }
}

function wideSum(time: bigint, delta: number | bigint): number {
  return Number(time + BigInt(delta))
}
