/**
 * A wire record as Kafka stores it, and back. Three value formats: the device's bytes untouched (`raw`), a JSON
 * envelope, a CloudEvent. What the MQTT message was besides its payload travels in headers, in every format, so that
 * a reader needs no format to know the tenant; the header `format` tells how to open the value.
 *
 * The JSON formats carry a JSON payload as the very text that came, not parsed and written again: that would change
 * numbers, and the bytes are read back exactly.
 */
import { PipelineError } from '../runtime/errors'
import type { UserProperties, WireRecord } from '../runtime/wire'

export const VALUE_FORMATS = ['raw', 'json', 'cloudevent'] as const
export type ValueFormat = (typeof VALUE_FORMATS)[number]

/** The names of our headers. Other named levels and user properties have a prefix, so that none can pose as ours. */
export const HEADER = {
  tenant: 'tenant',
  project: 'project',
  device: 'device',
  mqttTopic: 'mqtt-topic',
  messageId: 'message-id',
  receivedAt: 'received-at',
  retained: 'mqtt-retained',
  contentType: 'content-type',
  /** `json` or `cloudevent`; a raw value has no such header. */
  format: 'format',
  levelPrefix: 'level-',
  userPropertyPrefix: 'user-',
} as const

const CLOUD_EVENT_CONTENT_TYPE = 'application/cloudevents+json; charset=UTF-8'
const JSON_TYPE = /[/+]json\b/
const CLOUD_EVENT_TYPE = 'iot.mqtt.message'

type HeaderValue = Buffer | string | readonly string[]
export type RecordHeaders = Record<string, HeaderValue>

/** Headers as a consumer reads them. */
export type ReadHeaders = Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>

export interface EncodedRecord {
  readonly value: Buffer | null
  readonly headers: RecordHeaders
}

/**
 * @param identity the record's message id and time of arrival, which every record has by now
 * @throws PipelineError `RECORD_NOT_SERIALIZABLE`, not retryable
 */
export function encodeRecord(
  record: WireRecord,
  identity: { readonly messageId: string; readonly receivedAt: number },
  format: ValueFormat,
): EncodedRecord {
  const headers = encodeHeaders(record, identity)
  const payload = payloadBytes(record.payload)
  if (format === 'raw') return { value: payload, headers }
  headers[HEADER.format] = format
  if (format === 'json') return { value: jsonEnvelope(record, identity.receivedAt, payload), headers }
  headers[HEADER.contentType] = CLOUD_EVENT_CONTENT_TYPE
  return { value: cloudEvent(record, identity, payload), headers }
}

/**
 * The wire record of a value and its headers, without `kafka`. The payload is the device's bytes in every format;
 * a value that does not fit its `format` header is handed over as it is.
 */
export function decodeRecord(value: Buffer | null, headers: ReadHeaders): WireRecord {
  const record = decodeHeaders(headers)
  const format = textOf(headers[HEADER.format])
  const opened =
    value === null ? undefined : format === 'json' || format === 'cloudevent' ? open(value) : undefined
  record.payload = opened === undefined ? value : opened.payload
  if (opened?.contentType !== undefined) record.contentType = opened.contentType
  else if (format === 'cloudevent') delete record.contentType
  return record
}

// ---- headers -----------------------------------------------------------------------------------------------

function encodeHeaders(
  record: WireRecord,
  { messageId, receivedAt }: { readonly messageId: string; readonly receivedAt: number },
): RecordHeaders {
  const headers = givenHeaders(record.kafka?.headers)
  const { tenant, project, device, topic, levels, userProperties, contentType } = record
  if (tenant !== undefined) headers[HEADER.tenant] = String(tenant)
  if (project !== undefined) headers[HEADER.project] = String(project)
  if (device !== undefined) headers[HEADER.device] = String(device)
  if (typeof topic === 'string') headers[HEADER.mqttTopic] = topic
  headers[HEADER.messageId] = messageId
  headers[HEADER.receivedAt] = String(receivedAt)
  if (record.retain === true) headers[HEADER.retained] = 'true'
  if (typeof contentType === 'string') headers[HEADER.contentType] = contentType
  if (levels !== undefined) addLevels(headers, levels)
  if (userProperties !== undefined) addUserProperties(headers, userProperties)
  return headers
}

/** The headers a flow has put on the record; without a prototype, because their names are anyone's. */
function givenHeaders(given: Readonly<Record<string, unknown>> | undefined): RecordHeaders {
  if (given === undefined || given === null) return {}
  const headers = Object.create(null) as RecordHeaders
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue
    if (typeof value === 'string' || Buffer.isBuffer(value)) headers[name] = value
    else if (Array.isArray(value)) headers[name] = value.map(String)
    else headers[name] = JSON.stringify(value)
  }
  delete headers[HEADER.format]
  return headers
}

function addLevels(headers: RecordHeaders, levels: Readonly<Record<string, string>>): void {
  for (const name in levels) {
    if (name === 'tenant' || name === 'project' || name === 'device') continue
    headers[HEADER.levelPrefix + name] = String(levels[name])
  }
}

function addUserProperties(headers: RecordHeaders, properties: UserProperties): void {
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value !== undefined) headers[HEADER.userPropertyPrefix + name] = value
  }
}

function decodeHeaders(headers: ReadHeaders): WireRecord {
  const record: WireRecord = {}
  const levels: Record<string, string> = {}
  const userProperties = Object.create(null) as Record<string, string | string[]>
  let hasLevels = false
  let hasProperties = false
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    const known = decodeKnown(record, name, value)
    if (known === 'level') {
      levels[name] = textOf(value) ?? ''
      hasLevels = true
    } else if (known === undefined && name.startsWith(HEADER.levelPrefix)) {
      levels[name.slice(HEADER.levelPrefix.length)] = textOf(value) ?? ''
      hasLevels = true
    } else if (known === undefined && name.startsWith(HEADER.userPropertyPrefix)) {
      userProperties[name.slice(HEADER.userPropertyPrefix.length)] = textsOf(value)
      hasProperties = true
    }
  }
  if (hasLevels) record.levels = levels
  if (hasProperties) record.userProperties = { ...userProperties }
  return record
}

/** Reads one of our own headers. */
function decodeKnown(
  record: WireRecord,
  name: string,
  value: Buffer | string | readonly (Buffer | string)[],
): 'level' | 'known' | undefined {
  const text = textOf(value) ?? ''
  switch (name) {
    case HEADER.tenant:
    case HEADER.project:
    case HEADER.device:
      record[name] = text
      return 'level'
    case HEADER.mqttTopic:
      record.topic = text
      return 'known'
    case HEADER.messageId:
      record.messageId = text
      return 'known'
    case HEADER.receivedAt: {
      const time = Number(text)
      if (Number.isFinite(time)) record.receivedAt = time
      return 'known'
    }
    case HEADER.retained:
      record.retain = text === 'true'
      return 'known'
    case HEADER.contentType:
      record.contentType = text
      return 'known'
    default:
      return undefined
  }
}

function textOf(value: ReadHeaders[string]): string | undefined {
  const first = Array.isArray(value) ? (value as readonly (Buffer | string)[])[0] : value
  return first?.toString()
}

function textsOf(value: NonNullable<ReadHeaders[string]>): string | string[] {
  return Array.isArray(value) ? value.map(String) : value.toString()
}

// ---- values ------------------------------------------------------------------------------------------------

function payloadBytes(payload: unknown): Buffer | null {
  if (Buffer.isBuffer(payload)) return payload
  if (payload === undefined || payload === null) return null
  if (typeof payload === 'string') return Buffer.from(payload)
  if (payload instanceof Uint8Array) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  }
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch (error) {
    throw notSerializable(error)
  }
  if (text === undefined) throw notSerializable(undefined)
  return Buffer.from(text)
}

function notSerializable(cause: unknown): PipelineError {
  return new PipelineError(
    'RECORD_NOT_SERIALIZABLE',
    'the payload cannot be written as JSON: it refers to itself, or holds a function or a BigInt',
    { retryable: false, statusText: 'payload is not JSON', cause },
  )
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

function jsonEnvelope(record: WireRecord, receivedAt: number, payload: Buffer | null): Buffer {
  const { kind, json } = embed(payload)
  const head = JSON.stringify({
    tenant_id: record.tenant ?? null,
    project_id: record.project ?? null,
    mqtt_topic: typeof record.topic === 'string' ? record.topic : null,
  })
  const encoding = kind === 'json' ? '' : `,"payload_encoding":"${kind}"`
  return Buffer.from(`${head.slice(0, -1)}${PAYLOAD_MARK}${json}${encoding},"timestamp":${receivedAt}}`)
}

function cloudEvent(
  record: WireRecord,
  { messageId, receivedAt }: { readonly messageId: string; readonly receivedAt: number },
  payload: Buffer | null,
): Buffer {
  const { mark, json, contentType } = eventData(payload, record.contentType)
  const head = JSON.stringify({
    specversion: '1.0',
    id: messageId,
    source: `/${[record.tenant, record.project].filter((level) => level !== undefined).join('/')}`,
    type: CLOUD_EVENT_TYPE,
    ...(typeof record.topic === 'string' ? { subject: record.topic } : {}),
    time: new Date(receivedAt).toISOString(),
    ...(record.tenant === undefined ? {} : { tenantid: record.tenant }),
    ...(record.project === undefined ? {} : { projectid: record.project }),
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

interface Opened {
  readonly payload: Buffer | null
  readonly contentType?: string
}

/** `undefined` for a value that is neither an envelope nor a CloudEvent. */
function open(value: Buffer): Opened | undefined {
  const text = value.toString()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const fields = parsed as Readonly<Record<string, unknown>>
  if (fields.specversion !== undefined) return openCloudEvent(text, fields)
  return 'payload' in fields ? { payload: openPayload(text, fields) } : undefined
}

function openPayload(text: string, fields: Readonly<Record<string, unknown>>): Buffer | null {
  const { payload, payload_encoding: encoding } = fields
  if (encoding === 'none') return null
  if (typeof payload === 'string' && encoding === 'base64') return Buffer.from(payload, 'base64')
  if (typeof payload === 'string' && encoding === 'text') return Buffer.from(payload)
  const end = ENVELOPE_END.exec(text)
  return sameJson(text, PAYLOAD_MARK, end?.index, payload)
}

function openCloudEvent(text: string, fields: Readonly<Record<string, unknown>>): Opened {
  const { data, data_base64: base64, datacontenttype } = fields
  const contentType = typeof datacontenttype === 'string' ? { contentType: datacontenttype } : {}
  if (typeof base64 === 'string') return { payload: Buffer.from(base64, 'base64'), ...contentType }
  const isJson = typeof datacontenttype !== 'string' || JSON_TYPE.test(datacontenttype)
  if (typeof data === 'string' && !isJson) return { payload: Buffer.from(data), ...contentType }
  return { payload: sameJson(text, DATA_MARK, text.length - 1, data), ...contentType }
}

/** The JSON text of a value as it was written; written anew when somebody else made the envelope. */
function sameJson(text: string, mark: string, end: number | undefined, parsed: unknown): Buffer | null {
  if (parsed === undefined) return null
  const start = text.indexOf(mark)
  if (start >= 0 && end !== undefined) {
    const slice = text.slice(start + mark.length, end)
    if (isJson(slice)) return Buffer.from(slice)
  }
  return Buffer.from(JSON.stringify(parsed))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
