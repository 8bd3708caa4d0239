/**
 * The answer of a broker to a fetch, without a look at its records: kafkajs 2.2.4 gets one message for each partition,
 * which holds the record batches as they came. Its own decoder, and what it then asks of each record, took most of the
 * time of a consumer.
 *
 * kafkajs decides nothing about such a message: its offset is above all that may be asked for, so that it is never
 * dropped. What is to be skipped (records below the offset, control records, aborted transactions) is skipped in
 * `fetched-range.ts`.
 */
import { createRequire } from 'node:module'
import type { KafkaMessage } from 'kafkajs'
import type { Answered } from '../../../group/partitions/fetch-pace'
import { isRecordBatch, readBatches, type RecordBatches } from './record-batches'

/** Since then, answers have record batches (Kafka 0.11). */
const FIRST_VERSION = 4
const HAS_LOG_START = 5
const HAS_SESSION = 7
/** From here on, a client waits by itself for as long as it is throttled. */
const CLIENT_WAITS = 8
const HAS_REPLICA = 11
const LAST_VERSION = 11

const ABOVE_ALL = '9223372036854775807'
const NO_BATCHES: RecordBatches = { batches: [], unreadable: undefined }

/** A transaction that was aborted: its records are left out, from this offset on to the marker of its end. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

export interface Fetched extends RecordBatches {
  readonly aborted: readonly AbortedTransaction[]
  /** Of Kafka before 0.11, decoded by kafkajs. */
  readonly old: readonly KafkaMessage[]
}

const FETCHED = Symbol('what was fetched of a partition')

/** @throws Error when kafkajs does not look as we know it */
export function fetchedIn(message: object | undefined): Fetched {
  const fetched = (message as { readonly [FETCHED]?: Fetched } | undefined)?.[FETCHED]
  if (fetched === undefined) throw new Error('this version of kafkajs is unknown: expected 2.2.4')
  return fetched
}

export interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly highWatermark: string
      /** Before it, no transaction is open; -1 and none: the broker does not say. */
      readonly lastStableOffset?: string
      readonly messages: readonly object[]
    }[]
  }[]
}

/** Whether there is more to be read of a partition than the answer has. */
export function answeredIn({ responses }: FetchAnswer): Answered {
  let answered: Answered = 'nothing'
  for (const { partitions } of responses) {
    for (const { highWatermark, lastStableOffset = '-1', messages } of partitions) {
      if (messages.length === 0) continue
      const { batches, old } = fetchedIn(messages[0])
      const last = batches.at(-1)?.lastOffset ?? Number(old.at(-1)?.offset ?? -1)
      const stable = Number(lastStableOffset)
      const end = stable < 0 ? Number(highWatermark) : Math.min(Number(highWatermark), stable)
      if (last + 1 < end) return 'part'
      answered = 'everything'
    }
  }
  return answered
}

export type DecodeAnswer = (bytes: Buffer) => Promise<object>

/**
 * @param version of the request
 * @param decode  of kafkajs, for versions before record batches
 */
export function answerDecoder(version: number, decode: DecodeAnswer): DecodeAnswer {
  if (version > LAST_VERSION) throw new Error('this version of kafkajs is unknown: expected 2.2.4')
  return version < FIRST_VERSION ? decodeOld(decode) : (bytes) => decodeAnswer(version, bytes)
}

interface OldAnswer {
  readonly responses: readonly { readonly partitions: readonly { messages: readonly KafkaMessage[] }[] }[]
}

function decodeOld(decode: DecodeAnswer): DecodeAnswer {
  return async (bytes) => {
    const answer = (await decode(bytes)) as OldAnswer
    for (const { partitions } of answer.responses) {
      for (const partition of partitions) partition.messages = messageOf({ old: partition.messages })
    }
    return answer
  }
}

async function decodeAnswer(version: number, bytes: Buffer): Promise<object> {
  const reader = new AnswerReader(bytes)
  const throttleTime = reader.int32()
  if (version >= HAS_SESSION) reader.skip(2 + 4) // its error code, which kafkajs does not look at, and the session
  const responses = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.text()
    const partitions = []
    for (let count = reader.int32(); count > 0; count--)
      partitions.push(await decodePartition(version, reader))
    responses.push({ topicName, partitions })
  }
  return version < CLIENT_WAITS
    ? { throttleTime, responses }
    : { throttleTime: 0, clientSideThrottleTime: throttleTime, responses }
}

async function decodePartition(version: number, reader: AnswerReader): Promise<object> {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const highWatermark = reader.int64()
  const lastStableOffset = reader.int64()
  if (version >= HAS_LOG_START) reader.skip(8)
  const aborted: AbortedTransaction[] = []
  for (let count = reader.int32(); count > 0; count--)
    aborted.push({ producerId: reader.int64(), firstOffset: Number(reader.int64()) })
  const preferredReadReplica = version >= HAS_REPLICA ? reader.int32() : -1
  const messages = await decodeMessages(reader.bytes(), aborted)
  return {
    ...{ partition, errorCode, highWatermark: String(highWatermark) },
    lastStableOffset: String(lastStableOffset),
    ...{ preferredReadReplica, abortedTransactions: [], messages },
  }
}

async function decodeMessages(bytes: Buffer, aborted: readonly AbortedTransaction[]): Promise<object[]> {
  if (!isRecordBatch(bytes)) return messageOf({ old: await decodeOldMessages(bytes) })
  return messageOf({ aborted, ...(await readBatches(bytes)) })
}

/** The one message that kafkajs sees; none when there is nothing, not even a whole batch. */
function messageOf(fetched: Partial<Fetched>): KafkaMessage[] {
  const all: Fetched = { ...NO_BATCHES, aborted: [], old: [], ...fetched }
  if (all.batches.length + all.old.length === 0 && all.unreadable === undefined) return []
  const message = {
    [FETCHED]: all,
    ...{ offset: ABOVE_ALL, key: null, value: null, headers: {}, timestamp: '-1' },
    ...{ isControlRecord: false, batchContext: { producerId: '-1', inTransaction: false } },
  }
  return [message as unknown as KafkaMessage]
}

/** Messages of the formats 0 and 1. */
async function decodeOldMessages(bytes: Buffer): Promise<KafkaMessage[]> {
  const load = createRequire(__filename)
  const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
  const decode = load('kafkajs/src/protocol/messageSet/decoder') as (
    decoder: object,
    size: number,
  ) => Promise<KafkaMessage[]>
  return decode(new Decoder(bytes), bytes.length)
}

class AnswerReader {
  private at = 0

  constructor(private readonly all: Buffer) {}

  int16(): number {
    return this.all.readInt16BE(this.skip(2))
  }

  int32(): number {
    return this.all.readInt32BE(this.skip(4))
  }

  int64(): bigint {
    return this.all.readBigInt64BE(this.skip(8))
  }

  text(): string {
    const length = this.int16()
    return this.all.toString('utf8', this.skip(length), this.at)
  }

  /** Without any when they are `null`, or more than there are: kafkajs reads none then. */
  bytes(): Buffer {
    const length = this.int32()
    const start = this.skip(Math.max(0, length))
    return this.at > this.all.length ? this.all.subarray(0, 0) : this.all.subarray(start, this.at)
  }

  /** @returns where it was */
  skip(length: number): number {
    const before = this.at
    this.at += length
    return before
  }
}
