/**
 * Turns records into rows. Whatever a record cannot give (a time that is none, an object that has no JSON) makes
 * it a reject with a reason; whether its bytes are good JSON or UTF-8 is left to PostgreSQL, because parsing each
 * payload here would cost more than everything else in this file.
 *
 * JSON payloads are stored as the bytes that came in, not parsed and written again: that would change numbers
 * (1e400, 2^53+1), and drop duplicate keys.
 */
import type { WireRecord } from '../runtime/wire'
import type { Column, ColumnSource, PayloadType, PropertyPath } from './columns'
import { CopyText } from './copy-text'
import { isWithin, parseTime, type TimeBounds } from './record-time'
import type { Reason, RejectedRecord } from './rejected'
import { cameFromKafka } from './routing'

export interface RowMapping {
  readonly columns: readonly Column[]
  readonly payloadType: PayloadType
  /** Property with the device's time; `undefined`: the Kafka timestamp. */
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  /** The table has partitions by time, so that a row outside of the bounds has no place to go. */
  readonly boundTime: boolean
  /** Columns by which the staged writer knows a record again; empty with a ledger. */
  readonly key: readonly string[]
}

export interface EncodedRows {
  readonly copy: CopyText
  /** The record of each row. */
  readonly records: readonly WireRecord[]
  readonly rejected: readonly RejectedRecord[]
  /** The days (since 1970, UTC) that the rows fall on. */
  readonly days: ReadonlySet<number>
}

export const DAY_MS = 86_400_000

/** What a record has beside its payload: measured on the default mapping, rounded up. */
const OTHER_COLUMNS_BYTES = 200

export function encodeRows(
  mapping: RowMapping,
  records: readonly WireRecord[],
  nowMs = Date.now(),
): EncodedRows {
  const copy = new CopyText(expectedBytes(records))
  const kept: WireRecord[] = []
  const rejected: RejectedRecord[] = []
  const days = new Set<number>()
  const keyColumns = mapping.columns.filter(({ name }) => mapping.key.includes(name))
  let lastDay = NaN
  for (const record of records) {
    const timeMs = timeOf(mapping, record, nowMs)
    const reason =
      timeMs === undefined
        ? NO_TIME
        : (emptyKey(keyColumns, record) ?? encodeRow(copy, mapping, record, timeMs))
    if (reason !== undefined) {
      copy.dropRow()
      rejected.push({ record, reason })
      continue
    }
    copy.endRow()
    kept.push(record)
    const day = Math.floor((timeMs as number) / DAY_MS)
    if (day !== lastDay) days.add((lastDay = day))
  }
  return { copy, records: kept, rejected, days }
}

const NO_TIME: Reason = {
  code: 'TIME_INVALID',
  text: 'the Kafka timestamp lies outside of the days that the table accepts',
}

/** A unique index takes empty values for different ones: a repeated record would become a second row. */
function emptyKey(keyColumns: readonly Column[], record: WireRecord): Reason | undefined {
  if (keyColumns.length === 0 || !cameFromKafka(record)) return undefined
  const empty = keyColumns.find(({ source }) => {
    if (source.kind !== 'property') return false
    return (valueAt(record, source.path, undefined) ?? '') === ''
  })
  return empty && { code: 'KEY_MISSING', text: `the key column "${empty.name}" has no value` }
}

function expectedBytes(records: readonly WireRecord[]): number {
  let bytes = 0
  for (const { payload } of records) bytes += OTHER_COLUMNS_BYTES + lengthOf(payload)
  return Math.ceil(bytes * 1.1)
}

function lengthOf(payload: unknown): number {
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
}

/** The device's time where there is a good one, else Kafka's, else when the record came in, else now. */
function timeOf(mapping: RowMapping, record: WireRecord, nowMs: number): number | undefined {
  if (mapping.timeProperty !== undefined) {
    const own = parseTime(valueAt(record, mapping.timeProperty, undefined))
    if (own !== undefined && isWithin(mapping.bounds, own, nowMs)) return own
  }
  const kafka = record.kafka?.timestamp
  const timeMs = isTimestamp(kafka) ? kafka : isTimestamp(record.receivedAt) ? record.receivedAt : nowMs
  return mapping.boundTime && !isWithin(mapping.bounds, timeMs, nowMs) ? undefined : timeMs
}

/** Kafka's timestamp is -1 when a record has none. */
function isTimestamp(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15
}

function encodeRow(
  copy: CopyText,
  mapping: RowMapping,
  record: WireRecord,
  timeMs: number,
): Reason | undefined {
  try {
    let parsed: { readonly payload: unknown } | undefined
    for (const { source } of mapping.columns) {
      if (parsed === undefined && needsParsedPayload(source))
        parsed = { payload: parsedPayload(record.payload) }
      addColumn(copy, source, mapping.payloadType, record, timeMs, parsed?.payload)
    }
    return undefined
  } catch (error) {
    return {
      code: error instanceof NotJson ? 'JSON_INVALID' : 'NOT_ENCODABLE',
      text: (error as Error).message,
    }
  }
}

function addColumn(
  copy: CopyText,
  source: ColumnSource,
  payloadType: PayloadType,
  record: WireRecord,
  timeMs: number,
  parsed: unknown,
): void {
  switch (source.kind) {
    case 'time':
      copy.addPlain(new Date(timeMs).toISOString())
      return
    case 'payload':
      addPayload(copy, record.payload, payloadType)
      return
    case 'property':
      addValue(copy, valueAt(record, source.path, parsed))
  }
}

function addPayload(copy: CopyText, payload: unknown, type: PayloadType): void {
  if (payload === undefined || payload === null) {
    copy.addNull()
  } else if (type === 'bytea') {
    copy.addHex(payload instanceof Uint8Array ? payload : Buffer.from(asText(payload)))
  } else if (payload instanceof Uint8Array) {
    copy.addBytes(payload)
  } else if (typeof payload === 'string') {
    copy.addText(payload)
  } else {
    copy.addText(asText(payload))
  }
}

function addValue(copy: CopyText, value: unknown): void {
  if (value === undefined || value === null) copy.addNull()
  else if (typeof value === 'string') copy.addText(value)
  else if (typeof value === 'number') copy.addPlain(String(value))
  else if (value instanceof Uint8Array) copy.addHex(value)
  else if (value instanceof Date) copy.addPlain(value.toISOString())
  else copy.addText(asText(value))
}

/** The text of anything that is not text already. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return value.toString()
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new Error(`a ${typeof value} cannot be stored`)
  return json
}

// ---- properties ------------------------------------------------------------------------------------------

class NotJson extends Error {}

function needsParsedPayload(source: ColumnSource): boolean {
  return source.kind === 'property' && source.path[0] === 'payload' && source.path.length > 1
}

/** The payload as an object, for columns that take a part of it. */
function parsedPayload(payload: unknown): unknown {
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return payload
  try {
    return JSON.parse(typeof payload === 'string' ? payload : Buffer.from(payload).toString('utf8'))
  } catch {
    throw new NotJson('a column takes a part of the payload, and the payload is not JSON')
  }
}

/** Own properties only, so that no name reaches into a prototype. `parsed` stands for a payload of bytes. */
function valueAt(record: WireRecord, path: PropertyPath, parsed: unknown): unknown {
  let value: unknown = record
  for (const step of path) {
    if (value === record && step === 'payload' && path.length > 1) {
      value = parsed === undefined ? quietlyParsed(record.payload) : parsed
    } else if (typeof value === 'object' && value !== null && Object.hasOwn(value, step)) {
      value = (value as Record<string, unknown>)[step]
    } else {
      return undefined
    }
  }
  return value
}

function quietlyParsed(payload: unknown): unknown {
  try {
    return parsedPayload(payload)
  } catch {
    return undefined
  }
}
