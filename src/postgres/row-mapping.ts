/**
 * Turns records into rows. Whatever a record cannot give (a time that is none, an object that has no JSON) makes
 * it a reject with a reason; whether its bytes are good JSON or UTF-8 is left to PostgreSQL, because parsing each
 * payload here would cost more than everything else in this file.
 *
 * JSON payloads are stored as the bytes that came in, not parsed and written again: that would change numbers
 * (1e400, 2^53+1), and drop duplicate keys. The same holds for the parts of a payload that columns take.
 */
import type { WireRecord } from '../runtime/wire'
import { familyOf, type ColumnFamily } from './column-family'
import type { Column, PayloadType, PropertyPath } from './columns'
import { CopyText, utf8Of } from './copy-text'
import { keptFromMs, outdated, type Keeping } from './kept-time'
import { clockText, DAY_MS, isWithin, namesATime, parseTime, timeText, type TimeBounds } from './record-time'
import { RecordValues, Unusable } from './record-values'
import type { Reason, RejectedRecord } from './rejected'
import { cameFromKafka } from './routing'

export interface RowMapping {
  readonly columns: readonly Column[]
  /** Of the table's columns the names of their types in `pg_type`. */
  readonly types: ReadonlyMap<string, string>
  readonly payloadType: PayloadType
  /** Property with the device's time; `undefined`: the Kafka timestamp. */
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  /** The table has partitions by time, so that a row outside of the bounds has no place to go. */
  readonly boundTime: boolean
  /** Rows that this does not keep are refused; `undefined`: all are kept. */
  readonly keeping: Keeping | undefined
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
  /** The clock that times were compared with, for encoding the same records once more. */
  readonly nowMs: number
  /** Records whose device should have given a time, and gave none that can be used. */
  readonly timeReplaced: readonly WireRecord[]
}

/** Where a row's time is from: the device, Kafka's timestamp, or the clock when there is neither. */
export type TimeSource = 'device' | 'kafka' | 'arrival'

interface RowTime {
  readonly timeMs: number
  readonly source: TimeSource
}

/** A column with what its type means for a value. */
interface Cell extends Column {
  readonly family: ColumnFamily
}

/** What a record has beside its payload: measured on the default mapping, rounded up. */
const OTHER_COLUMNS_BYTES = 200

/** @param refusedDays days that the table has no place for, and why */
export function encodeRows(
  mapping: RowMapping,
  records: readonly WireRecord[],
  nowMs = Date.now(),
  refusedDays: ReadonlyMap<number, Reason> = new Map(),
): EncodedRows {
  const copy = new CopyText(expectedBytes(records))
  const kept: WireRecord[] = []
  const rejected: RejectedRecord[] = []
  const timeReplaced: WireRecord[] = []
  const days = new Set<number>()
  const cells = mapping.columns.map((column) => ({
    ...column,
    family: familyOf(mapping.types.get(column.name)),
  }))
  const keyColumns = mapping.columns.filter(({ name }) => mapping.key.includes(name))
  const { keeping } = mapping
  const keptFrom = keeping === undefined ? -Infinity : keptFromMs(keeping, nowMs)
  const tooLate = (timeMs: number): Reason | undefined =>
    keeping !== undefined && timeMs < keptFrom
      ? outdated(timeMs, keeping.days)
      : refusedDays.get(Math.floor(timeMs / DAY_MS))
  let lastDay = NaN
  for (const record of records) {
    const values = new RecordValues(record)
    const time = timeOf(mapping, record, values, nowMs)
    const reason =
      time === undefined
        ? NO_TIME
        : (tooLate(time.timeMs) ??
          emptyKey(keyColumns, record, values) ??
          encodeRow(copy, cells, mapping.payloadType, record, values, time))
    if (time === undefined || reason !== undefined) {
      copy.dropRow()
      rejected.push({ record, reason: reason ?? NO_TIME })
      continue
    }
    copy.endRow()
    kept.push(record)
    if (mapping.timeProperty !== undefined && time.source !== 'device') timeReplaced.push(record)
    const day = Math.floor(time.timeMs / DAY_MS)
    if (day !== lastDay) days.add((lastDay = day))
  }
  return { copy, records: kept, rejected, days, nowMs, timeReplaced }
}

const NO_TIME: Reason = {
  code: 'TIME_INVALID',
  text: 'the Kafka timestamp lies outside of the days that the table accepts',
}

/** A unique index takes empty values for different ones: a repeated record would become a second row. */
function emptyKey(
  keyColumns: readonly Column[],
  record: WireRecord,
  values: RecordValues,
): Reason | undefined {
  if (keyColumns.length === 0 || !cameFromKafka(record)) return undefined
  const empty = keyColumns.find(
    ({ source }) => source.kind === 'property' && (values.quietlyAt(source.path) ?? '') === '',
  )
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
function timeOf(
  mapping: RowMapping,
  record: WireRecord,
  values: RecordValues,
  nowMs: number,
): RowTime | undefined {
  if (mapping.timeProperty !== undefined) {
    const own = parseTime(values.quietlyAt(mapping.timeProperty))
    if (own !== undefined && isWithin(mapping.bounds, own, nowMs)) return { timeMs: own, source: 'device' }
  }
  const kafka = record.kafka?.timestamp
  const time: RowTime = isTimestamp(kafka)
    ? { timeMs: kafka, source: 'kafka' }
    : { timeMs: isTimestamp(record.receivedAt) ? record.receivedAt : nowMs, source: 'arrival' }
  return mapping.boundTime && !isWithin(mapping.bounds, time.timeMs, nowMs) ? undefined : time
}

/** Kafka's timestamp is -1 when a record has none. */
function isTimestamp(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15
}

function encodeRow(
  copy: CopyText,
  cells: readonly Cell[],
  payloadType: PayloadType,
  record: WireRecord,
  values: RecordValues,
  time: RowTime,
): Reason | undefined {
  try {
    for (const cell of cells) addCell(copy, cell, payloadType, record, values, time)
    return undefined
  } catch (error) {
    return {
      code: error instanceof Unusable ? error.code : 'NOT_ENCODABLE',
      text: (error as Error).message,
    }
  }
}

function addCell(
  copy: CopyText,
  cell: Cell,
  payloadType: PayloadType,
  record: WireRecord,
  values: RecordValues,
  time: RowTime,
): void {
  const { source } = cell
  switch (source.kind) {
    case 'time':
      copy.addPlain(timeText(time.timeMs))
      return
    case 'time source':
      copy.addPlain(time.source)
      return
    case 'payload':
      addPayload(copy, record.payload, payloadType)
      return
    case 'property':
      addValue(copy, cell, values, source.path)
  }
}

function addPayload(copy: CopyText, payload: unknown, type: PayloadType): void {
  if (payload === undefined || payload === null) {
    copy.addNull()
  } else if (type === 'bytea') {
    copy.addHex(payload instanceof Uint8Array ? payload : utf8Of(asText(payload)))
  } else if (payload instanceof Uint8Array) {
    copy.addBytes(payload)
  } else {
    copy.addText(asText(payload))
  }
}

function addValue(copy: CopyText, cell: Cell, values: RecordValues, path: PropertyPath): void {
  const value = values.at(path)
  if (value === undefined || value === null) copy.addNull()
  else if (cell.family === 'time') copy.addPlain(timeText(read(parseTime, value, cell.name)))
  else if (cell.family === 'clock') copy.addPlain(read(clockText, value, cell.name))
  else if (cell.family === 'times') copy.addText(read(textOfTimes, value, cell.name))
  else if (typeof value === 'string') copy.addText(value)
  else if (typeof value === 'number') copy.addPlain(numberText(value, cell.family, values, path))
  else if (value instanceof Uint8Array) copy.addHex(value)
  else if (value instanceof Date) copy.addPlain(value.toISOString())
  else copy.addText(values.sourceAt(path) ?? asText(value))
}

/** PostgreSQL would take `now` and `infinity` for times. */
function read<T>(parse: (value: unknown) => T | undefined, value: unknown, column: string): T {
  const time = parse(value)
  if (time !== undefined) return time
  throw new Unusable('TIME_INVALID', `the column "${column}" takes a time, and what the record has is none`)
}

function textOfTimes(value: unknown): string | undefined {
  const text = asText(value)
  return namesATime(text) ? undefined : text
}

/** So many characters have at most 15 digits and a point or a sign: JavaScript gives such a number back as it was. */
const FAITHFUL_LENGTH = 16

/** As the device wrote it, where JavaScript's number may be another one; else without the fraction of 2.0. */
function numberText(value: number, family: ColumnFamily, values: RecordValues, path: PropertyPath): string {
  if (family === 'float' && Number.isFinite(value)) return String(value)
  const source = values.sourceAt(path)
  if (source === undefined) return String(value)
  const isWhole = Number.isSafeInteger(value) && (value !== 0 || /^[-0.]+$/.test(source))
  return isWhole && source.length <= FAITHFUL_LENGTH ? String(value) : source
}

/** The text of anything that is not text already. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return value.toString()
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new Error(`a ${typeof value} cannot be stored`)
  return json
}
