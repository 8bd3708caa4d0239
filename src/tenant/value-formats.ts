/**
 * The JSON formats of a record's value, an envelope of our own and the CloudEvent, and how they are opened.
 *
 * They carry a JSON payload as the very text that came, not parsed and written again: that would change numbers. So
 * the bytes are read back exactly.
 */
import { PipelineError } from '../runtime/errors'
import type { WireRecord } from '../runtime/wire'

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

export function jsonEnvelope(record: WireRecord, receivedAt: number, payload: Buffer | null): Buffer {
  const { kind, json } = embed(payload)
  const head = JSON.stringify({
    tenant_id: record.tenant ?? null,
    project_id: record.project ?? null,
    mqtt_topic: typeof record.topic === 'string' ? record.topic : null,
  })
  const encoding = kind === 'json' ? '' : `,"payload_encoding":"${kind}"`
  return Buffer.from(`${head.slice(0, -1)}${PAYLOAD_MARK}${json}${encoding},"timestamp":${receivedAt}}`)
}

/** CloudEvents 1.0 in the structured mode of the Kafka binding. */
export function cloudEvent(
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

export interface Opened {
  readonly payload: Buffer | null
  readonly contentType?: string
}

/** `undefined` for a value that is neither an envelope nor a CloudEvent. */
export function open(value: Buffer): Opened | undefined {
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
