/**
 * Makes kafkajs 2.2.4 look at what it has fetched. It computes no checksum: a bit that has flipped on a disk or on
 * the way becomes a record with other bytes. And what it cannot decode (another compression, `CORRUPT_MESSAGE` from the
 * broker) ends the whole consumer, again and again, so that one bad batch holds up all partitions.
 *
 * `useBatchCheck` runs before kafkajs' decoder of a batch (KIP-98). A batch that is not what its producer wrote, or
 * that cannot be opened, becomes one message that says so (`unreadableReason`); the consumer stops before it, in this
 * partition alone.
 */
import { createRequire } from 'node:module'

const BATCH_DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder'
const CHECKSUM = 'kafkajs/src/protocol/recordBatch/crc32C'
const FETCH_ANSWER = 'kafkajs/src/protocol/requests/fetch/v0/response'
const FETCH_VERSIONS = /[\\/]kafkajs[\\/]src[\\/]protocol[\\/]requests[\\/]fetch[\\/]v\d+[\\/]/

/** Of a batch: first offset, length, leader's epoch and format; then the checksum of what follows it. */
const LENGTH_AT = 8
const HEADER_BYTES = 12
const CHECKSUM_AT = 17
const ATTRIBUTES_AT = 21
const SMALLEST_LENGTH = 49
const CODEC_MASK = 7
const NEWEST_CODEC = 4
/** Kafka's error code of a batch that the broker itself finds broken. */
const CORRUPT_MESSAGE = 2
/** kafkajs drops messages below the offset it asked for; this one it must not drop. */
const ABOVE_ALL = '9223372036854775807'

/** The part of kafkajs' `Decoder` that we need. */
export interface BatchBytes {
  readonly buffer: Buffer
  offset: number
}

interface DecodedBatch {
  readonly records: readonly object[]
}

type Decode = (bytes: BatchBytes) => Promise<DecodedBatch>
type Checksum = (bytes: Buffer) => number

interface FetchedPartition {
  errorCode: number
  messages: readonly object[]
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

const REASON = Symbol('why this batch cannot be read')

/** Why the batch at the place of this message cannot be read; `undefined` for a message that is one. */
export function unreadableReason(message: object): string | undefined {
  return (message as { readonly [REASON]?: string })[REASON]
}

/**
 * Call it before the first client is made; once is enough, more does nothing.
 * @throws Error when kafkajs does not look as we know it: without the check, broken records would pass for sound ones
 */
export function useBatchCheck(): void {
  const require = createRequire(__filename)
  const decoder = require.cache[require.resolve(BATCH_DECODER)]
  if ((decoder?.exports as { readonly [REASON]?: true } | undefined)?.[REASON] === true) return
  // What has taken kafkajs' own decoder already is loaded again.
  for (const file of Object.keys(require.cache)) if (FETCH_VERSIONS.test(file)) delete require.cache[file]
  const decode = require(BATCH_DECODER) as Decode
  const loaded = require.cache[require.resolve(BATCH_DECODER)]
  const answer = require(FETCH_ANSWER) as { parse: (data: FetchAnswer) => Promise<FetchAnswer> }
  if (loaded === undefined || decode.length !== 1 || typeof answer.parse !== 'function') {
    throw new Error('this version of kafkajs is unknown: expected 2.2.4')
  }
  const checked = checkedDecoder(decode, require(CHECKSUM) as Checksum)
  loaded.exports = Object.assign(checked, { [REASON]: true })
  const parse = answer.parse
  answer.parse = (data) => parse(withoutBrokenOnes(data))
}

/** kafkajs' decoder after the check. An incomplete batch, the end of an answer, is left to it. */
export function checkedDecoder(decode: Decode, checksum: Checksum): Decode {
  return async (bytes) => {
    const { buffer, offset } = bytes
    const length = buffer.readInt32BE(offset + LENGTH_AT)
    const end = offset + HEADER_BYTES + length
    if (length < SMALLEST_LENGTH) return unreadableBatch(bytes, buffer.length, 'its length is impossible')
    if (end > buffer.length) return decode(bytes)
    const expected = buffer.readUInt32BE(offset + CHECKSUM_AT)
    if (checksum(buffer.subarray(offset + ATTRIBUTES_AT, end)) !== expected)
      return unreadableBatch(bytes, end, 'its checksum (CRC-32C) is wrong')
    const codec = buffer.readInt16BE(offset + ATTRIBUTES_AT) & CODEC_MASK
    if (codec > NEWEST_CODEC) return unreadableBatch(bytes, end, `its compression (${codec}) is unknown`)
    try {
      return await decode(bytes)
    } catch (error) {
      return unreadableBatch(bytes, end, `it cannot be opened: ${(error as Error).message}`)
    }
  }
}

function unreadableBatch(bytes: BatchBytes, end: number, reason: string): DecodedBatch {
  bytes.offset = end
  return { records: [unreadable(reason)] }
}

function unreadable(reason: string): object {
  return {
    [REASON]: reason,
    offset: ABOVE_ALL,
    key: null,
    value: null,
    headers: {},
    timestamp: '-1',
    isControlRecord: false,
    batchContext: { producerId: '-1', inTransaction: false },
  }
}

function withoutBrokenOnes(data: FetchAnswer): FetchAnswer {
  for (const { partitions } of data.responses) {
    for (const partition of partitions) {
      if (partition.errorCode !== CORRUPT_MESSAGE) continue
      partition.errorCode = 0
      partition.messages = [unreadable('the broker finds it broken (CORRUPT_MESSAGE)')]
    }
  }
  return data
}
