/**
 * Encodes a produce request for kafkajs 2.2.4. Its own encoder sorts the timestamps, makes an object and a zeroed buffer of
 * 512 bytes for each record and one more for each header, and copies them together: with our headers that is more than
 * half of all processor time of a producer. Here the records of a partition are written once, one after the other, into
 * one buffer. The bytes are the same (a test compares them).
 */
import { createRequire } from 'node:module'
import type { KafkaRecord } from '../../../driver'
import { crc32c } from '../fetch/crc32c'
import { RecordBytes } from './record-bytes'

interface PartitionData {
  readonly partition: number
  readonly messages: readonly KafkaRecord[]
  readonly firstSequence: number
}

/** What kafkajs hands over for a request; its numbers of 64 bits are texts. */
export interface ProduceRequest {
  readonly acks: number
  readonly timeout: number
  readonly producerId: string
  readonly producerEpoch: number
  readonly compression: number
  readonly topicData: readonly { readonly topic: string; readonly partitions: readonly PartitionData[] }[]
}

export interface ProducedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly baseOffset: string
}

export interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly ProducedPartition[]
  }[]
}

/** The part of kafkajs' `Encoder` that we use; it is read when the request is sent. */
interface Encoder {
  readonly buffer: Buffer
  writeString(text: string | null): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeBuffer(bytes: Buffer): Encoder
}

interface Codec {
  compress(records: { readonly buffer: Buffer }): Promise<Buffer>
}

const NO_TRANSACTION = null
/** What a request has besides its batches, about. */
const ENVELOPE_BYTES = 512

const MAGIC = 2
const CODEC_MASK = 7
/** Of a batch, before its records (KIP-98): offset, length, leader's epoch, magic, checksum, then what it covers. */
const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CHECKSUM_AT = 17
const ATTRIBUTES_AT = 21
const LAST_DELTA_AT = 23
const FIRST_TIME_AT = 27
const MAX_TIME_AT = 35
const PRODUCER_ID_AT = 43
const EPOCH_AT = 51
const SEQUENCE_AT = 53
const COUNT_AT = 57
const RECORDS_AT = 61

const load = createRequire(__filename)
const { lookupCodec } = load('kafkajs/src/protocol/message/compression') as {
  readonly lookupCodec: (compression: number) => Codec
}
const KafkaJsEncoder = load('kafkajs/src/protocol/encoder') as new (initialSize?: number) => Encoder

/** The body of a request of version 3; newer ones differ in nothing but the number. */
export async function encodeProduce(request: ProduceRequest): Promise<Encoder> {
  const { acks, timeout, topicData } = request
  const batches: Buffer[] = []
  for (const { partitions } of topicData) {
    for (const data of partitions) batches.push(await recordBatch(request, data))
  }
  const size = batches.reduce((sum, { length }) => sum + length, ENVELOPE_BYTES)
  const encoder = new KafkaJsEncoder(size)
    .writeString(NO_TRANSACTION)
    .writeInt16(acks)
    .writeInt32(timeout)
    .writeInt32(topicData.length)
  let next = 0
  for (const { topic, partitions } of topicData) {
    encoder.writeString(topic).writeInt32(partitions.length)
    for (const { partition } of partitions) {
      const batch = batches[next++] as Buffer
      encoder.writeInt32(partition).writeInt32(batch.length).writeBuffer(batch)
    }
  }
  return encoder
}

async function recordBatch(
  { compression, producerId, producerEpoch }: ProduceRequest,
  { messages, firstSequence }: PartitionData,
): Promise<Buffer> {
  const { bytes, firstTime, maxTime } = writeRecords(messages)
  const codec = compression & CODEC_MASK
  let batch = bytes
  if (codec !== 0) {
    const compressed = await lookupCodec(compression).compress({ buffer: bytes.subarray(RECORDS_AT) })
    batch = Buffer.allocUnsafe(RECORDS_AT + compressed.length)
    batch.set(compressed, RECORDS_AT)
  }
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - LEADER_EPOCH_AT, LENGTH_AT)
  batch.writeInt32BE(0, LEADER_EPOCH_AT)
  batch.writeInt8(MAGIC, MAGIC_AT)
  batch.writeInt16BE(codec, ATTRIBUTES_AT)
  batch.writeInt32BE(messages.length - 1, LAST_DELTA_AT)
  batch.writeBigInt64BE(BigInt(firstTime), FIRST_TIME_AT)
  batch.writeBigInt64BE(BigInt(maxTime), MAX_TIME_AT)
  batch.writeBigInt64BE(BigInt(producerId), PRODUCER_ID_AT)
  batch.writeInt16BE(producerEpoch, EPOCH_AT)
  batch.writeInt32BE(firstSequence, SEQUENCE_AT)
  batch.writeInt32BE(messages.length, COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT, batch.length), CHECKSUM_AT)
  return batch
}

interface WrittenRecords {
  /** Room for the head of the batch, then the records. */
  readonly bytes: Buffer
  readonly firstTime: number
  readonly maxTime: number
}

function writeRecords(messages: readonly KafkaRecord[]): WrittenRecords {
  let firstTime = Infinity
  let maxTime = -Infinity
  for (const { timestamp } of messages) {
    if (timestamp < firstTime) firstTime = timestamp
    if (timestamp > maxTime) maxTime = timestamp
  }
  const out = new RecordBytes(RECORDS_AT, messages.length)
  for (let index = 0; index < messages.length; index++) {
    const { key, value, headers, timestamp } = messages[index] as KafkaRecord
    out.beginRecord()
    out.long(timestamp - firstTime)
    out.int(index)
    out.bytes(key)
    out.bytes(value)
    out.headers(headers)
    out.endRecord()
  }
  return { bytes: out.written, firstTime, maxTime }
}
