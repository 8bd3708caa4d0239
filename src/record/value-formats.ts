/**
 * The JSON formats of a record's value, an envelope of our own and the CloudEvent, and how they are opened.
 *
 * They carry a JSON payload as the very text that came, not parsed and written again: that would change numbers. So
 * the bytes are read back exactly, also out of an envelope of another producer.
 */
import { isUtf8 } from 'node:buffer'
import { PipelineError } from '../wire/errors'
import type { HeaderText, WireRecord } from '../wire/message'
import { faithfulJson } from './faithful-json'
import { sourceAt } from './json-source'
import { phrase } from '../status/phrase'

const JSON_TYPE = /[/+]json\b/
const CLOUD_EVENT_TYPE = 'iot.mqtt.message'

/** @throws PipelineError `RECORD_NOT_SERIALIZABLE`, not retryable */
export function payloadBytes(payload: unknown): Buffer | null {
  if (Buffer.isBuffer(payload)) return payload
  if (payload === undefined || payload === null) return null
  if (typeof payload === 'string') return Buffer.from(payload)
  if (payload instanceof Uint8Array) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  }
  try {
    return Buffer.from(faithfulJson(payload))
  } catch (error) {
    throw notSerializable(error)
  }
}

function notSerializable(cause: unknown): PipelineError {
  return new PipelineError(
    'RECORD_NOT_SERIALIZABLE',
    'the payload cannot be written as JSON: it refers to itself, or holds NaN, a Map, a function or a BigInt',
    { retryable: false, status: 'payloadNotJson', cause },
  )
}

/** What JSON holds as it is; of bytes that are not UTF-8 a part would be replaced. */
function jsonText(property: string, value: HeaderText | undefined): string | undefined {
  if (!Buffer.isBuffer(value)) return value
  throw new PipelineError(
    'RECORD_NOT_SERIALIZABLE',
    `msg.${property} is not UTF-8, as this value format needs it; the format "raw" keeps its bytes`,
    { retryable: false, status: phrase('notUtf8', { property }) },
  )
}

/** A flow may set anything as the topic. */
function topicOf({ topic }: WireRecord): string | undefined {
  const text: unknown = jsonText('topic', topic)
  return typeof text === 'string' ? text : undefined
}

/** How a payload stands in JSON: as itself, as text, as base64, or there is none. */
type Embedded = { readonly kind: 'json' | 'text' | 'base64' | 'none'; readonly json: string }

function embed(payload: Buffer | null): Embedded {
  if (payload === null) return { kind: 'none', json: 'null' }
  const text = payload.toString()
  const isText = Buffer.byteLength(text) === payload.length && payload.equals(Buffer.from(text))
  if (!isText) return { kind: 'base64', json: JSON.stringify(payload.toString('base64')) }
  try {
    JSON.parse(text)
    return { kind: 'json', json: text }
  } catch {
    return { kind: 'text', json: JSON.stringify(text) }
  }
}

export function jsonEnvelope(record: WireRecord, receivedAt: number, payload: Buffer | null): Buffer {
  const { kind, json } = embed(payload)
  const head = JSON.stringify({
    tenant_id: jsonText('tenant', record.tenant) ?? null,
    project_id: jsonText('project', record.project) ?? null,
    mqtt_topic: topicOf(record) ?? null,
  })
  const encoding = kind === 'json' ? '' : `,"payload_encoding":"${kind}"`
  return Buffer.from(`${head.slice(0, -1)}${PAYLOAD_MARK}${json}${encoding},"timestamp":${receivedAt}}`)
}

/** CloudEvents 1.0 in the structured mode of the Kafka binding. */
export function cloudEvent(
  record: WireRecord,
  { messageId, receivedAt }: { readonly messageId: HeaderText; readonly receivedAt: number },
  payload: Buffer | null,
): Buffer {
  const { mark, json, contentType } = eventData(payload, jsonText('contentType', record.contentType))
  const tenant = jsonText('tenant', record.tenant)
  const project = jsonText('project', record.project)
  const topic = topicOf(record)
  const head = JSON.stringify({
    specversion: '1.0',
    id: jsonText('messageId', messageId),
    source: `/${[tenant, project].filter((level) => level !== undefined).join('/')}`,
    type: CLOUD_EVENT_TYPE,
    ...(topic === undefined ? {} : { subject: topic }),
    time: new Date(receivedAt).toISOString(),
    ...(tenant === undefined ? {} : { tenantid: tenant }),
    ...(project === undefined ? {} : { projectid: project }),
    ...(contentType === undefined ? {} : { datacontenttype: contentType }),
  })
  return Buffer.from(mark === undefined ? head : `${head.slice(0, -1)}${mark}${json}}`)
}

interface EventData {
  /** `undefined`: there is no payload. */
  readonly mark: string | undefined
  readonly json: string
  readonly contentType: string | undefined
}

/** The content type decides whether `data` is the payload as JSON or as a string; what fits neither is base64. */
function eventData(payload: Buffer | null, contentType: string | undefined): EventData {
  const { kind, json } = embed(payload)
  if (payload === null) return { mark: undefined, json, contentType }
  const base64 = { mark: BASE64_MARK, json: JSON.stringify(payload.toString('base64')), contentType }
  if (kind === 'base64') return base64
  if (contentType !== undefined && !JSON_TYPE.test(contentType)) {
    return { mark: DATA_MARK, json: JSON.stringify(payload.toString()), contentType }
  }
  if (kind === 'json') return { mark: DATA_MARK, json, contentType: contentType ?? 'application/json' }
  return contentType === undefined ? { mark: DATA_MARK, json, contentType: 'text/plain' } : base64
}

/** A quote inside a JSON string is escaped, so the first of these in our text is no part of a string. */
const PAYLOAD_MARK = ',"payload":'
const DATA_MARK = ',"data":'
const BASE64_MARK = ',"data_base64":'
const ENVELOPE_END = /(?:,"payload_encoding":"(?:text|base64|none)")?,"timestamp":-?\d+\}$/

/** Of either alphabet. `Buffer.from` leaves out in silence what is none. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
/** A UTF-16 unit that UTF-8 has no bytes for; it would become another character. */
const HALF_OF_A_PAIR = /\p{Surrogate}/u

export interface Opened {
  readonly payload: Buffer | null
  readonly contentType?: string
}

/** The fields of our envelope. A value with others is another producer's, and would lose them if it were opened. */
const ENVELOPE_FIELDS: ReadonlySet<string> = new Set([
  'tenant_id',
  'project_id',
  'mqtt_topic',
  'payload',
  'timestamp',
  'payload_encoding',
])
const CLOUD_EVENT_FIELDS: ReadonlySet<string> = new Set([
  ...['specversion', 'id', 'source', 'type', 'subject', 'time', 'tenantid', 'projectid'],
  ...['datacontenttype', 'data', 'data_base64'],
])
const ENCODINGS: ReadonlySet<unknown> = new Set([undefined, 'text', 'base64', 'none'])

/** Whether an object is the envelope and nothing else, so that its payload is all that a row has to keep of it. */
export function isEnvelope(fields: Readonly<Record<string, unknown>>): boolean {
  if (!Object.hasOwn(fields, 'payload') || !ENCODINGS.has(fields.payload_encoding)) return false
  return Object.keys(fields).every((name) => ENVELOPE_FIELDS.has(name))
}

/** Another type and other attributes are in no header of ours, so they would be lost. */
function isCloudEventOfOurs({ type, ...fields }: Readonly<Record<string, unknown>>): boolean {
  if (type !== undefined && type !== CLOUD_EVENT_TYPE) return false
  return Object.keys(fields).every((name) => CLOUD_EVENT_FIELDS.has(name))
}

/**
 * `undefined` for a value that is neither an envelope nor a CloudEvent, and for one whose payload cannot be taken out
 * of it without a change. Never throws.
 */
export function open(value: Buffer): Opened | undefined {
  if (!isUtf8(value)) return undefined
  const text = value.toString()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const fields = parsed as Readonly<Record<string, unknown>>
  if (fields.specversion !== undefined) {
    return isCloudEventOfOurs(fields) ? openCloudEvent(text, fields) : undefined
  }
  const payload = isEnvelope(fields) ? openPayload(text, fields) : undefined
  return payload === undefined ? undefined : { payload }
}

function openPayload(text: string, fields: Readonly<Record<string, unknown>>): Buffer | null | undefined {
  const { payload, payload_encoding: encoding } = fields
  if (payload === null && encoding === 'none') return null
  if (typeof payload === 'string' && encoding === 'base64') return bytesOfBase64(payload)
  if (typeof payload === 'string' && encoding === 'text') return bytesOfText(payload)
  return bytesOfJson(text, 'payload', PAYLOAD_MARK, ENVELOPE_END.exec(text)?.index)
}

function openCloudEvent(text: string, fields: Readonly<Record<string, unknown>>): Opened | undefined {
  const { data, data_base64: base64, datacontenttype } = fields
  const contentType = typeof datacontenttype === 'string' ? { contentType: datacontenttype } : {}
  const isJson = typeof datacontenttype !== 'string' || JSON_TYPE.test(datacontenttype)
  let payload: Buffer | null | undefined
  if (base64 !== undefined) payload = typeof base64 === 'string' ? bytesOfBase64(base64) : undefined
  else if (data === undefined) payload = null
  else if (typeof data === 'string' && !isJson) payload = bytesOfText(data)
  else payload = bytesOfJson(text, 'data', DATA_MARK, text.length - 1)
  return payload === undefined ? undefined : { payload, ...contentType }
}

function bytesOfBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

function bytesOfText(text: string): Buffer | undefined {
  return HALF_OF_A_PAIR.test(text) ? undefined : Buffer.from(text)
}

/**
 * The text of a JSON value as it was written. In an envelope of ours the white space around it is the device's as
 * well; in one of another producer it belongs to the envelope.
 */
function bytesOfJson(text: string, key: string, mark: string, end: number | undefined): Buffer | undefined {
  const start = text.indexOf(mark)
  if (start >= 0 && end !== undefined) {
    const slice = text.slice(start + mark.length, end)
    if (isJson(slice)) return Buffer.from(slice)
  }
  const source = sourceAt(text, [key])
  return source === undefined ? undefined : Buffer.from(source)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
