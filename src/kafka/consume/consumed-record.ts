/**
 * A record that was read from Kafka, as it goes onto a wire. Records of this package tell in their headers how to
 * open them; records of other producers are opened as follows:
 *
 *  - a JSON object of `tenant_id`, `payload` and nothing but `project_id`, `mqtt_topic`, `timestamp` and
 *    `payload_encoding` is the envelope, if no header names a tenant
 *  - with any other field beside these two the whole object is the payload, of which tenant, project and topic are
 *    read: to open it would lose the rest
 *  - headers `tenant_id`, `project_id` and `mqtt_topic` count as ours
 *  - anything else is raw: the bytes are the payload
 */
import { isUtf8 } from 'node:buffer'
import { parseInstant } from '../../time/instant'
import { decodeRecord, decodeRecordBytes } from '../../record/envelope'
import { HEADER } from '../../record/header-names'
import { readText } from '../../record/header-text'
import { sourceAt } from '../../record/json-source'
import { addHeaders } from '../../record/lazy-headers'
import type { ReadHeaders } from '../../record/record-headers'
import { isEnvelope } from '../../record/value-formats'
import type { WireRecord } from '../../wire/message'
import type { ConsumedRecord, TopicPartition } from '../driver'

/** Any of them says that the record is of this package. */
const OUR_HEADERS = [HEADER.tenant, HEADER.messageId, HEADER.deadLetterId]
const OPENING_BRACE = 0x7b
const ENVELOPE_MARK = '"tenant_id"'

/** A fresh wire record; nodes of the flow may change it, so every emission gets its own. */
export function wireRecordOf(consumed: ConsumedRecord, { topic, partition }: TopicPartition): WireRecord {
  const { value, offset, key, timestamp } = consumed
  const record = OUR_HEADERS.some((name) => consumed.hasHeader(name))
    ? ourRecord(value, consumed)
    : foreignRecord(value, consumed.headers)
  // Written out whole: an object that grows by fields takes twice the memory.
  const kafka =
    timestamp >= 0 ? { topic, partition, offset, key, timestamp } : { topic, partition, offset, key }
  record.kafka = addHeaders(kafka, consumed)
  return record
}

function ourRecord(value: Buffer | null, consumed: ConsumedRecord): WireRecord {
  const { headerBytes } = consumed
  return headerBytes === undefined
    ? decodeRecord(value, consumed.headers)
    : decodeRecordBytes(value, headerBytes)
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
  const text = value.toString()
  const fields = parseObject(value, text)
  if (fields?.tenant_id === undefined || fields.payload === undefined) return decodeRecord(value, headers)
  const receivedAt = parseInstant(fields.timestamp)
  const isWhole = isEnvelope(fields) && NAMES.every((name) => isName(fields[name]))
  const opens = isWhole && (receivedAt !== undefined || (fields.timestamp ?? null) === null)
  // The decoder keeps the payload's own text, so that no number changes.
  const record = decodeRecord(value, { ...headers, [HEADER.format]: opens ? 'json' : undefined })
  setText(record, 'tenant', nameIn(text, fields, 'tenant_id'))
  setText(record, 'project', nameIn(text, fields, 'project_id'))
  setText(record, 'topic', nameIn(text, fields, 'mqtt_topic'))
  if (receivedAt !== undefined) record.receivedAt = receivedAt
  return record
}

const NAMES = ['tenant_id', 'project_id', 'mqtt_topic'] as const

function isName(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string' || typeof value === 'number'
}

/** A number keeps its digits: two tenants must not become one by 2^53. */
function nameIn(text: string, fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return typeof fields[name] === 'number' ? sourceAt(text, [name]) : fields[name]
}

function parseObject(value: Buffer, text: string): Readonly<Record<string, unknown>> | undefined {
  if (!isUtf8(value)) return undefined
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

function setText(record: WireRecord, field: 'tenant' | 'project' | 'topic', given: unknown): void {
  const value: unknown = Array.isArray(given) ? given[0] : given
  if (typeof value === 'number') record[field] = String(value)
  else if (typeof value === 'string' || Buffer.isBuffer(value)) record[field] = readText(value)
}
