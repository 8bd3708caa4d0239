/**
 * A wire record as Kafka stores it, and back. Three value formats: the device's bytes untouched (`raw`), a JSON
 * envelope, a CloudEvent. The header `format` tells a reader how to open the value.
 */
import type { HeaderText, WireRecord } from '../wire/message'
import { HEADER } from './header-names'
import {
  encodeHeaders,
  fieldsOf,
  fieldsOfBytes,
  type HeaderBytes,
  type ReadHeaders,
  type RecordFields,
  type RecordHeaders,
} from './record-headers'
import { cloudEvent, jsonEnvelope, open, payloadBytes } from './value-formats'

export const VALUE_FORMATS = ['raw', 'json', 'cloudevent'] as const
export type ValueFormat = (typeof VALUE_FORMATS)[number]

const CLOUD_EVENT_CONTENT_TYPE = 'application/cloudevents+json; charset=UTF-8'

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
  identity: { readonly messageId: HeaderText; readonly receivedAt: number },
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
 * a value that does not fit its `format` header, or cannot be opened without a change, is handed over as it is.
 */
export function decodeRecord(value: Buffer | null, headers: ReadHeaders): WireRecord {
  return withPayload(fieldsOf(headers), value)
}

/** The same, of headers that are bytes still. */
export function decodeRecordBytes(value: Buffer | null, headers: HeaderBytes): WireRecord {
  return withPayload(fieldsOfBytes(headers), value)
}

function withPayload({ whole: record, format }: RecordFields, value: Buffer | null): WireRecord {
  const opened =
    value === null ? undefined : format === 'json' || format === 'cloudevent' ? open(value) : undefined
  record.payload = opened === undefined ? value : opened.payload
  if (opened?.contentType !== undefined) record.contentType = opened.contentType
  else if (format === 'cloudevent') delete record.contentType
  return record
}
