/**
 * The record batches (KIP-98) that an answer holds of one partition: checked, and decompressed. kafkajs 2.2.4 computes no
 * checksum, so that a bit which has flipped on a disk or on the way becomes a record with other bytes; and what it cannot
 * open ends the whole consumer, again and again. Here such a batch is named, and the consumer stops before it, in this
 * partition alone.
 */
import { CompressionCodecs } from 'kafkajs'
import { crc32c } from './crc32c'

/** Of a batch: first offset, length, leader's epoch and format; then the checksum of what follows it. */
const LENGTH_AT = 8
const LENGTH_END = 12
const FORMAT_AT = 16
const CHECKSUM_AT = 17
const ATTRIBUTES_AT = 21
const LAST_DELTA_AT = 23
const FIRST_TIME_AT = 27
const LAST_TIME_AT = 35
const PRODUCER_AT = 43
const COUNT_AT = 57
const RECORDS_AT = 61
/** What follows the length of a batch without records. */
const SMALLEST_LENGTH = RECORDS_AT - LENGTH_END

const FORMAT = 2
const CODEC_MASK = 0x07
const APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const NEWEST_CODEC = 4

export interface RecordBatch {
  /** The records, decompressed. */
  readonly bytes: Buffer
  /** Where in `bytes` the first one begins, and where the last one ends. */
  readonly start: number
  readonly end: number
  readonly count: number
  readonly firstOffset: number
  /** Also when compaction has deleted the record that had it. */
  readonly lastOffset: number
  readonly firstTimestamp: bigint
  /** The broker's time for all records; `undefined`: each has its own. */
  readonly appendTime: number | undefined
  readonly producerId: bigint
  readonly isTransactional: boolean
  /** Of one record, that ends a transaction. */
  readonly isControl: boolean
}

export interface RecordBatches {
  readonly batches: readonly RecordBatch[]
  /** Why what follows them cannot be read, when it cannot. */
  readonly unreadable: string | undefined
}

/** Whether bytes begin with a record batch, and not with messages of Kafka before 0.11. */
export function isRecordBatch(bytes: Buffer): boolean {
  return bytes.length <= FORMAT_AT || bytes[FORMAT_AT] === FORMAT
}

/** The batches in the order of the log. The last one may be cut off: it is fetched again. */
export async function readBatches(bytes: Buffer): Promise<RecordBatches> {
  const batches: RecordBatch[] = []
  for (let at = 0; at + RECORDS_AT <= bytes.length;) {
    const length = bytes.readInt32BE(at + LENGTH_AT)
    if (length < SMALLEST_LENGTH) return { batches, unreadable: 'its length is impossible' }
    const end = at + LENGTH_END + length
    if (end > bytes.length) break
    if (crc32c(bytes, at + ATTRIBUTES_AT, end) !== bytes.readUInt32BE(at + CHECKSUM_AT))
      return { batches, unreadable: 'its checksum (CRC-32C) is wrong' }
    const codec = bytes.readInt16BE(at + ATTRIBUTES_AT) & CODEC_MASK
    if (codec > NEWEST_CODEC) return { batches, unreadable: `its compression (${codec}) is unknown` }
    try {
      batches.push(await openBatch(bytes, at, end, codec))
    } catch (error) {
      return { batches, unreadable: cannotBeOpened(error) }
    }
    at = end
  }
  return { batches, unreadable: undefined }
}

export function cannotBeOpened(error: unknown): string {
  return `it cannot be opened: ${(error as Error).message}`
}

async function openBatch(bytes: Buffer, at: number, end: number, codec: number): Promise<RecordBatch> {
  const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT)
  const firstOffset = Number(bytes.readBigInt64BE(at))
  const count = bytes.readInt32BE(at + COUNT_AT)
  const isPlain = codec === 0 || count <= 0
  const records = isPlain ? undefined : await decompress(codec, bytes.subarray(at + RECORDS_AT, end))
  return {
    bytes: records ?? bytes,
    start: records === undefined ? at + RECORDS_AT : 0,
    end: records === undefined ? end : records.length,
    count,
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(at + LAST_DELTA_AT),
    firstTimestamp: bytes.readBigInt64BE(at + FIRST_TIME_AT),
    appendTime:
      (attributes & APPEND_TIME) === 0 ? undefined : Number(bytes.readBigInt64BE(at + LAST_TIME_AT)),
    producerId: bytes.readBigInt64BE(at + PRODUCER_AT),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
  }
}

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>
}

async function decompress(codec: number, bytes: Buffer): Promise<Buffer> {
  const codecs = CompressionCodecs as unknown as Readonly<Record<number, () => Codec>>
  const make = codecs[codec]
  if (make === undefined) throw new Error(`no codec for compression ${codec}`)
  return make().decompress(bytes)
}
