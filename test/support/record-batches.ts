/** Record batches as a broker sends them, of any kind: also those that no producer of ours writes. */
import zlib from 'node:zlib'
import { crc32c } from '../../src/kafka/drivers/kafkajs/fetch/crc32c'

export interface WrittenRecord {
  readonly offsetDelta: number
  readonly timestampDelta: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
}

export interface WrittenBatch {
  readonly firstOffset: number
  /** Default: that of the last record. */
  readonly lastOffsetDelta?: number
  readonly firstTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly gzip?: boolean
  readonly appendTime?: boolean
  /** Its producer. */
  readonly transaction?: bigint
  readonly control?: boolean
  /** More or less than there are. */
  readonly count?: number
  /** Instead of what the others say. */
  readonly attributes?: number
  readonly records: readonly WrittenRecord[]
}

export function writeBatch(batch: WrittenBatch): Buffer {
  const { firstOffset, records, transaction } = batch
  const attributes =
    (batch.gzip === true ? 1 : 0) |
    (batch.appendTime === true ? 8 : 0) |
    (transaction === undefined ? 0 : 16) |
    (batch.control === true ? 32 : 0)
  const plain = Buffer.concat(records.map(writeRecord))
  const body = Buffer.concat([Buffer.alloc(40), batch.gzip === true ? zlib.gzipSync(plain) : plain])
  body.writeInt16BE(batch.attributes ?? attributes, 0)
  body.writeInt32BE(batch.lastOffsetDelta ?? records.at(-1)?.offsetDelta ?? 0, 2)
  body.writeBigInt64BE(batch.firstTimestamp ?? 0n, 6)
  body.writeBigInt64BE(batch.maxTimestamp ?? 0n, 14)
  body.writeBigInt64BE(transaction ?? -1n, 22)
  body.writeInt32BE(batch.count ?? records.length, 36)
  const head = Buffer.alloc(21)
  head.writeBigInt64BE(BigInt(firstOffset), 0)
  head.writeInt32BE(9 + body.length, 8)
  head.writeInt8(2, 16)
  head.writeUInt32BE(crc32c(body, 0, body.length), 17)
  return Buffer.concat([head, body])
}

/** The marker of the end of a transaction. */
export function writeMarker(firstOffset: number, transaction: bigint, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const marker = { offsetDelta: 0, timestampDelta: 0n, key, value: Buffer.alloc(6), headers: [] }
  return writeBatch({ firstOffset, transaction, control: true, records: [marker] })
}

function writeRecord({ offsetDelta, timestampDelta, key, value, headers }: WrittenRecord): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(BigInt(offsetDelta)),
    bytes(key),
    bytes(value),
    varint(BigInt(headers.length)),
    ...headers.flat().map(bytes),
  ])
  return Buffer.concat([varint(BigInt(body.length)), body])
}

function bytes(value: Buffer | null): Buffer {
  return value === null ? varint(-1n) : Buffer.concat([varint(BigInt(value.length)), value])
}

function varint(value: bigint): Buffer {
  const digits: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest >= 0x80n; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...digits, Number(rest)])
}

/** What an answer to a fetch of version 11 says of one partition. */
export function writeAnswer(
  version: number,
  topic: string,
  partitions: readonly {
    readonly partition: number
    readonly errorCode?: number
    readonly highWatermark?: number
    readonly aborted?: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
    readonly bytes: Buffer | null
  }[],
): Buffer {
  const int32 = (value: number): Buffer => {
    const it = Buffer.alloc(4)
    it.writeInt32BE(value)
    return it
  }
  const int64 = (value: bigint): Buffer => {
    const it = Buffer.alloc(8)
    it.writeBigInt64BE(value)
    return it
  }
  const none = Buffer.alloc(0)
  return Buffer.concat([
    int32(17),
    version >= 7 ? Buffer.alloc(6) : none,
    int32(1),
    Buffer.from([0, topic.length]),
    Buffer.from(topic),
    int32(partitions.length),
    ...partitions.flatMap(({ partition, errorCode = 0, highWatermark = 0, aborted = [], bytes: records }) => [
      int32(partition),
      Buffer.from([errorCode >> 8, errorCode & 0xff]),
      int64(BigInt(highWatermark)),
      int64(-1n),
      version >= 5 ? int64(0n) : none,
      int32(aborted.length === 0 ? -1 : aborted.length),
      ...aborted.flatMap((each) => [int64(each.producerId), int64(BigInt(each.firstOffset))]),
      version >= 11 ? int32(partition + 1) : none,
      int32(records?.length ?? -1),
      records ?? none,
    ]),
  ])
}
