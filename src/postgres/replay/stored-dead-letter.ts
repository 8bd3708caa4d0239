/**
 * A dead letter out of its table: as the message that goes through the flow again, in the shape of a single record
 * of `tenant-kafka-consumer`, and as an entry of a list.
 *
 * The payload is never looked into, so nothing in it can say anything about the letter.
 */
import type { KafkaFields, Message, WireRecord } from '../../wire/message'
import { HEADER } from '../../record/header-names'
import { unshownHeaders } from '../../record/header-text'
import { decodeHeaders } from '../../record/record-headers'
import type { DeadLetterRow } from './replay-statements'

type TextHeaders = NonNullable<KafkaFields['headers']>

/** @param sourceId the node that sends it */
export function replayMessage(row: DeadLetterRow, sourceId: string): Message {
  const attempts = attemptsOf(row)
  const headers = headersOf(row, attempts)
  const record: WireRecord = decodeHeaders(headers)
  record.payload = row.payload
  record.kafka = kafkaOf(row, headers)
  record.deadLetter = { id: row.id, source: sourceId, attempts }
  return record as Message
}

/** What a list shows. Times are in ISO 8601, and what is not known is left out. */
export function listEntry(row: DeadLetterRow): Record<string, unknown> {
  const entry: Record<string, unknown> = {
    id: row.id,
    failedAt: row.failed_at.toISOString(),
    reason: row.reason,
    code: row.code,
    nodeId: row.node_id,
    nodeType: row.node_type,
    nodeName: row.node_name,
    attempts: attemptsOf(row),
    tenant: row.tenant_id,
    project: row.project_id,
    device: row.device_id,
    topic: row.mqtt_topic,
    messageId: row.message_id,
    receivedAt: row.received_at?.toISOString(),
    kafka: kafkaOf(row, undefined),
    headers: row.headers ?? {},
    payload: row.payload,
    payloadEncoding: row.payload_encoding,
    payloadLength: Number(row.payload_length),
    payloadIsCut: row.payload_is_cut,
    replayedAt: row.replayed_at?.toISOString(),
    replayOutcome: row.replay_outcome,
  }
  for (const [name, value] of Object.entries(entry)) {
    if (value === undefined || (value === null && name !== 'payload')) delete entry[name]
  }
  return entry
}

/** Tables of before there were replays have no number where nothing was counted. */
function attemptsOf({ attempts }: DeadLetterRow): number {
  return attempts === null ? 1 : Number(attempts)
}

/**
 * The headers that the record had, or would have had, in Kafka. A letter without a message id gets its own id as
 * one, so that storing it twice can be noticed.
 */
function headersOf(row: DeadLetterRow, attempts: number): TextHeaders {
  const headers = Object.create(null) as Record<string, string | readonly string[]>
  for (const [name, value] of Object.entries(row.headers ?? {})) {
    if (name === HEADER.format || name.startsWith(HEADER.deadLetterPrefix)) continue
    headers[name] = value
  }
  const own: Record<string, string | undefined | null> = {
    [HEADER.tenant]: row.tenant_id,
    [HEADER.project]: row.project_id,
    [HEADER.device]: row.device_id,
    [HEADER.mqttTopic]: row.mqtt_topic,
    [HEADER.messageId]: row.message_id ?? row.id,
    [HEADER.receivedAt]: row.received_at === null ? undefined : String(row.received_at.getTime()),
    [HEADER.deadLetterAttempts]: String(attempts),
  }
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && value !== null) headers[name] = value
  }
  return unshownHeaders(headers)
}

/** The time is that of the arrival: it has to be the same in every attempt, because it can be part of a row's key. */
function kafkaOf(row: DeadLetterRow, headers: TextHeaders | undefined): KafkaFields {
  const kafka: KafkaFields = { key: row.kafka_key }
  if (row.kafka_topic !== null) kafka.topic = row.kafka_topic
  if (row.kafka_partition !== null) kafka.partition = Number(row.kafka_partition)
  if (row.kafka_offset !== null) kafka.offset = Number(row.kafka_offset)
  if (row.kafka_cluster !== null) kafka.clusterId = row.kafka_cluster
  if (headers !== undefined) {
    kafka.timestamp = (row.received_at ?? row.failed_at).getTime()
    kafka.headers = headers
  }
  return kafka
}
