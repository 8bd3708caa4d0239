/**
 * A record that was read from Kafka, as it goes onto a wire. Records of this package tell in their headers how to
 * open them; other producers are met half-way:
 *
 *  - a JSON object with `tenant_id` and `payload` is the envelope `{tenant_id, project_id, mqtt_topic, payload,
 *    timestamp}`, if no header names a tenant
 *  - headers `tenant_id`, `project_id` and `mqtt_topic` count as ours
 *  - anything else is raw: the bytes are the payload
 */
import { isUtf8 } from 'node:buffer'
import { decodeRecord } from '../tenant/envelope'
import { HEADER } from '../tenant/header-names'
import type { ReadHeaders } from '../tenant/record-headers'
import type { KafkaFields, WireRecord } from '../runtime/wire'
import type { ConsumedRecord, TopicPartition } from './driver'

/** Any of them says that the record is of this package. */
const OUR_HEADERS = [HEADER.tenant, HEADER.messageId, HEADER.deadLetterId]
const OPENING_BRACE = 0x7b
const ENVELOPE_MARK = '"tenant_id"'
/** Smaller numbers are seconds: 10^11 milliseconds were over in 1973. */
const SMALLEST_MILLISECONDS = 1e11

/** A fresh wire record; nodes of the flow may change it, so every emission gets its own. */
export function wireRecordOf(consumed: ConsumedRecord, { topic, partition }: TopicPartition): WireRecord {
  const { value, headers, offset, key, timestamp } = consumed
  const isOurs = OUR_HEADERS.some((name) => headers[name] !== undefined)
  const record = isOurs ? decodeRecord(value, headers) : foreignRecord(value, headers)
  const kafka: KafkaFields = { topic, partition, offset, key }
  if (timestamp >= 0) kafka.timestamp = timestamp
  kafka.headers = headers as NonNullable<KafkaFields['headers']>
  record.kafka = kafka
  return record
}

function foreignRecord(value: Buffer | null, headers: ReadHeaders): WireRecord {
  const record = looksLikeEnvelope(value) ? openEnvelope(value, headers) : decodeRecord(value, headers)
  setText(record, 'tenant', headers.tenant_id)
  setText(record, 'project', headers.project_id)
  setText(record, 'topic', headers.mqtt_topic)
  return record
}

function looksLikeEnvelope(value: Buffer | null): value is Buffer {
  return value !== null && value[0] === OPENING_BRACE && value.includes(ENVELOPE_MARK)
}

function openEnvelope(value: Buffer, headers: ReadHeaders): WireRecord {
  const fields = parseObject(value)
  if (fields?.tenant_id === undefined || fields.payload === undefined) return decodeRecord(value, headers)
  // The decoder keeps the payload's own text, so that no number changes.
  const record = decodeRecord(value, { ...headers, [HEADER.format]: 'json' })
  setText(record, 'tenant', fields.tenant_id)
  setText(record, 'project', fields.project_id)
  setText(record, 'topic', fields.mqtt_topic)
  const receivedAt = timeOf(fields.timestamp)
  if (receivedAt !== undefined) record.receivedAt = receivedAt
  return record
}

function parseObject(value: Buffer): Readonly<Record<string, unknown>> | undefined {
  if (!isUtf8(value)) return undefined
  try {
    return JSON.parse(value.toString()) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

function setText(record: WireRecord, field: 'tenant' | 'project' | 'topic', given: unknown): void {
  const value: unknown = Array.isArray(given) ? given[0] : given
  if (typeof value === 'string' || typeof value === 'number' || Buffer.isBuffer(value)) {
    record[field] = String(value)
  }
}

function timeOf(given: unknown): number | undefined {
  const time = typeof given === 'string' ? Date.parse(given) : given
  if (typeof time !== 'number' || !Number.isFinite(time)) return undefined
  return time >= SMALLEST_MILLISECONDS || typeof given === 'string' ? time : time * 1000
}
