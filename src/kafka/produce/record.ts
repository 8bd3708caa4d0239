/** From a record on a wire to a record for Kafka: where it goes, its key, value, headers and time. */
import { randomBytes } from 'node:crypto'
import { PipelineError } from '../../wire/errors'
import type { HeaderText, WireRecord } from '../../wire/message'
import { replayedLetterOf } from '../../record/replayed'
import { KAFKA_TOPIC, kafkaTopicProblem } from '../../tenant/kafka-topic'
import { encodeRecord, type ValueFormat } from '../../record/envelope'
import { identifierOf } from '../../record/identifier'
import type { KafkaRecord } from '../driver'
import { headerBytes, RECORD_OVERHEAD_BYTES } from './request-limit'
import type { PlainKey } from '../../status/phrase'

export interface AddressedRecord {
  readonly topic: string
  /** Only when the flow has chosen one itself. */
  readonly partition: number | undefined
  readonly key: KafkaRecord['key']
  readonly record: KafkaRecord
  readonly bytes: number
}

export interface RecordOptions {
  /** Where every record goes; empty: where `kafka.topic` of the record says. */
  readonly topic: string
  readonly format: ValueFormat
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly newMessageId: () => string
}

/** Ids for records that bring none: a counter behind a random prefix. */
export function countedIds(): () => string {
  const prefix = `${randomBytes(9).toString('base64url')}-`
  let count = 0
  return () => prefix + (count++).toString(36)
}

/** @throws PipelineError, not retryable: this record can never be written */
export function addressRecord(wire: WireRecord, options: RecordOptions): AddressedRecord {
  const { kafka } = wire
  // What was read from Kafka still says where it came from; that is not where it goes, unless it is sent again.
  const wasRead = kafka?.offset !== undefined
  const isReplayed = replayedLetterOf(wire) !== undefined
  const topic = options.topic !== '' ? options.topic : wasRead && !isReplayed ? undefined : kafka?.topic
  if (typeof topic !== 'string' || topic === '') throw noTopic(wasRead)
  if (!KAFKA_TOPIC.test(topic)) throw invalidTopic(topic)
  const key = keyBytes(kafka?.key)
  const receivedAt = validTime(wire.receivedAt) ?? options.now()
  const identity = { messageId: messageIdOf(wire) ?? options.newMessageId(), receivedAt }
  const { value, headers } = encodeRecord(wire, identity, options.format)
  // Kafka's retention goes by the time: an old one could delete the record before it is read.
  const chosenTime = isReplayed || wasRead ? undefined : validTime(kafka?.timestamp)
  const timestamp = chosenTime ?? (isReplayed ? options.now() : Math.min(receivedAt, options.now()))
  const partition = wasRead ? undefined : chosenPartition(kafka?.partition)
  const chosen = { hasOwnTime: chosenTime !== undefined, hasOwnPartition: partition !== undefined }
  return {
    topic,
    partition,
    key,
    record: { key, value, headers, timestamp, ...chosen },
    bytes: RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + headerBytes(headers),
  }
}

function keyBytes(given: unknown): Buffer | null {
  const key = identifierOf('kafka.key', given, 'KAFKA_INVALID_KEY')
  if (key === undefined) return null
  return typeof key === 'string' ? Buffer.from(key) : key
}

function messageIdOf({ messageId }: WireRecord): HeaderText | undefined {
  const id = identifierOf('messageId', messageId)
  return id === undefined || id.length === 0 ? undefined : id
}

function chosenPartition(partition: unknown): number | undefined {
  if (partition === undefined || partition === null) return undefined
  if (Number.isSafeInteger(partition) && (partition as number) >= 0) return partition as number
  throw invalid(
    'KAFKA_INVALID_PARTITION',
    'msg.kafka.partition is not a partition number',
    'invalidPartition',
  )
}

/** The last millisecond that has a date. A foreign producer may write any number into a header. */
const LAST_TIME_MS = 8_640_000_000_000_000

function validTime(time: unknown): number | undefined {
  const isTime = Number.isSafeInteger(time) && (time as number) >= 0 && (time as number) <= LAST_TIME_MS
  return isTime ? (time as number) : undefined
}

function noTopic(wasRead: boolean): PipelineError {
  return invalid(
    'KAFKA_NO_TOPIC',
    wasRead
      ? 'the record was read from Kafka, and the producer node has no topic: set one, it would go back otherwise'
      : 'the message has no msg.kafka.topic, and the producer node has no topic: set one of them',
    'noTopic',
  )
}

function invalidTopic(topic: string): PipelineError {
  return invalid('KAFKA_INVALID_TOPIC', kafkaTopicProblem(topic) ?? topic, 'invalidTopicName')
}

function invalid(code: string, message: string, status: PlainKey): PipelineError {
  return new PipelineError(code, message, { retryable: false, status })
}
