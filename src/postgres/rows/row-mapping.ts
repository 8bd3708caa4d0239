/**
 * Turns records into rows. Whatever a record cannot give (a value that its column cannot take, an object without JSON)
 * makes it a reject with a reason; whether its bytes are good JSON or UTF-8 is left to PostgreSQL, because parsing each
 * payload here would cost more than everything else in this file.
 *
 * JSON payloads are stored as the bytes that came in, not parsed and written again: that would change numbers
 * (1e400, 2^53+1), and drop duplicate keys. The same holds for the parts of a payload that columns take.
 */
import type { WireRecord } from '../../wire/message'
import { keepsDigits } from '../../record/identifier'
import { columnType, type ColumnType } from './column-family'
import type { Column, ColumnSource, PayloadType, PropertyPath } from './columns'
import { CopyText } from './copy-text'
import { refusedElement } from './elements'
import { keptFromMs, outdated, type Keeping } from './kept-time'
import { cutText, DAY_MS, timeText, type TimeBounds } from './record-time'
import { leadsIntoPayload, RecordValues, Unusable } from './record-values'
import type { Reason, RejectedRecord } from './rejected'
import { cameFromKafka } from '../sink/write-request'
import { rowTime, type RowTime } from './row-time'
import { textFor, Unfit } from './value-rules'

export interface RowMapping {
  readonly columns: readonly Column[]
  /** Of the table's columns. */
  readonly types: ReadonlyMap<string, ColumnType>
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
  /** The time of each row. */
  readonly timesMs: readonly number[]
  readonly rejected: readonly RejectedRecord[]
  /** The days (since 1970, UTC) that the rows fall on. */
  readonly days: ReadonlySet<number>
  /** The clock that times were compared with, for encoding the same records once more. */
  readonly nowMs: number
  /** Records whose first choice of a time cannot be used, so that another one counts. */
  readonly timeReplaced: readonly WireRecord[]
  /** Columns of which no row has a value, of those that are mapped to something else than the default. */
  readonly empty: readonly string[]
}

/** A column with what its type means for a value. */
interface Cell {
  readonly name: string
  readonly source: ColumnSource
  readonly type: ColumnType
  /** A text needs no look: it is stored as it is, or refused. */
  readonly takesText: boolean
  /** It names something, so a number has to have all its digits. */
  readonly isIdentifier: boolean
  /** A row has a value in it. */
  hasValue: boolean
}

/** What a record has beside its payload: measured on the default mapping, rounded up. */
const OTHER_COLUMNS_BYTES = 200

/** @param refusedDays days that the table has no place for, and why */
export function encodeRows(
  mapping: RowMapping,
  records: readonly WireRecord[],
  nowMs: number,
  refusedDays: ReadonlyMap<number, Reason> = new Map(),
): EncodedRows {
  const copy = new CopyText(expectedBytes(records))
  const kept: WireRecord[] = []
  const rejected: RejectedRecord[] = []
  const timesMs: number[] = []
  const timeReplaced: WireRecord[] = []
  const days = new Set<number>()
  const cells = mapping.columns.map((column) => cellOf(column, mapping.types.get(column.name)))
  const keyColumns = mapping.columns.filter(({ name }) => mapping.key.includes(name))
  const timeRules = { ...mapping, isKey: keyColumns.some(({ source }) => source.kind === 'time') }
  const { keeping } = mapping
  const keptFrom = keeping === undefined ? -Infinity : keptFromMs(keeping, nowMs)
  const tooLate = (timeMs: number): Reason | undefined =>
    keeping !== undefined && timeMs < keptFrom
      ? outdated(timeMs, keeping.days)
      : refusedDays.get(Math.floor(timeMs / DAY_MS))
  let lastDay = NaN
  for (const record of records) {
    const notRecord = refusedElement(record)
    if (notRecord !== undefined) {
      rejected.push({ record, reason: notRecord })
      continue
    }
    const values = new RecordValues(record)
    const own = mapping.timeProperty && values.quietlyAt(mapping.timeProperty)
    const time = rowTime(timeRules, record, own, nowMs)
    const reason =
      time === undefined
        ? NO_TIME
        : (tooLate(time.timeMs) ??
          emptyKey(keyColumns, record, values) ??
          encodeRow(copy, cells, record, values, time))
    if (time === undefined || reason !== undefined) {
      copy.dropRow()
      rejected.push({ record, reason: reason ?? NO_TIME })
      continue
    }
    copy.endRow()
    kept.push(record)
    timesMs.push(time.timeMs)
    if (time.isReplaced) timeReplaced.push(record)
    const day = Math.floor(time.timeMs / DAY_MS)
    if (day !== lastDay) days.add((lastDay = day))
  }
  const empty = cells.filter(({ hasValue }) => !hasValue).map(({ name }) => name)
  return { copy, records: kept, timesMs, rejected, days, nowMs, timeReplaced, empty }
}

function cellOf({ name, source }: Column, type = columnType([])): Cell {
  const isDocument = source.kind === 'payload' && type.family === 'json'
  const isPlainText =
    type.family === 'text' && type.modifier < 0 && /^(?:text|varchar|citext)$/.test(type.name)
  return {
    name,
    source,
    type: isDocument ? { ...type, family: 'document' } : type,
    takesText: isDocument || isPlainText || type.family === 'other',
    isIdentifier: source.kind === 'property' && isIdentifier(source.path),
    hasValue: source.kind !== 'property' || !mayBeMisspelt(source.path),
  }
}

function isIdentifier([first, second]: PropertyPath): boolean {
  return IDENTIFIERS.has(first) || (first === 'kafka' && second === 'key')
}
const IDENTIFIERS: ReadonlySet<string> = new Set([
  'tenant',
  'project',
  'device',
  'levels',
  'topic',
  'messageId',
])

/** Of a record without tenant or position the default columns are empty, which needs no word. */
function mayBeMisspelt([first]: PropertyPath): boolean {
  return !OUR_OWN.has(first)
}
const OUR_OWN: ReadonlySet<string> = new Set(['tenant', 'project', 'topic', 'messageId'])

const NO_TIME: Reason = {
  code: 'TIME_INVALID',
  text:
    'the Kafka timestamp lies outside of the days that the table accepts, and the record has no usable received-at that ' +
    'could replace it (nothing does where the time is part of the key)',
}

/** A unique index takes empty values for different ones: a repeated record would become a second row. */
function emptyKey(
  keyColumns: readonly Column[],
  record: WireRecord,
  values: RecordValues,
): Reason | undefined {
  if (keyColumns.length === 0 || !cameFromKafka(record)) return undefined
  const empty = keyColumns.find(
    ({ source }) => source.kind === 'property' && isEmpty(values.quietlyAt(source.path)),
  )
  return empty && { code: 'KEY_MISSING', text: `the key column "${empty.name}" has no value` }
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    (value instanceof Uint8Array && value.length === 0)
  )
}

function expectedBytes(records: readonly WireRecord[]): number {
  let bytes = 0
  for (const { payload } of records) bytes += OTHER_COLUMNS_BYTES + lengthOf(payload)
  return Math.ceil(bytes * 1.1)
}

function lengthOf(payload: unknown): number {
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
}

function encodeRow(
  copy: CopyText,
  cells: readonly Cell[],
  record: WireRecord,
  values: RecordValues,
  time: RowTime,
): Reason | undefined {
  let current: Cell | undefined
  try {
    for (const cell of cells) {
      current = cell
      addCell(copy, cell, record, values, time)
    }
    return undefined
  } catch (error) {
    if (error instanceof Unusable) return { code: error.code, text: error.message }
    const text = `the column "${current?.name}" ${(error as Error).message}`
    if (error instanceof Unfit) return { code: error.code, text, rule: current?.name }
    return { code: 'NOT_ENCODABLE', text: `the column "${current?.name}": ${(error as Error).message}` }
  }
}

function addCell(copy: CopyText, cell: Cell, record: WireRecord, values: RecordValues, time: RowTime): void {
  const { source } = cell
  switch (source.kind) {
    case 'time':
      addTime(copy, cell.type, time.timeMs)
      return
    case 'time source':
      addValue(copy, cell, time.source)
      return
    case 'payload':
      addPayload(copy, cell, record.payload)
      return
    case 'property':
      addValue(copy, cell, values.at(source.path), values, source.path)
  }
}

/** Finer than its column the time of a row is cut off: PostgreSQL would round it, into the next day too. */
function addTime(copy: CopyText, type: ColumnType, timeMs: number): void {
  const text = timeText(timeMs)
  if (type.family !== 'instant') copy.addText(textFor(type, { value: text, source: none, hasTexts: true }))
  else copy.addPlain(type.modifier < 0 ? text : cutText(text, type.modifier))
}

function addPayload(copy: CopyText, cell: Cell, payload: unknown): void {
  if (!(payload instanceof Uint8Array)) addValue(copy, cell, payload)
  else if (cell.type.family === 'bytea') copy.addHex(payload)
  else if (cell.takesText) copy.addBytes(payload)
  else addValue(copy, cell, payload)
}

/** @param path where the value is from, when it may be a part of the payload */
function addValue(
  copy: CopyText,
  cell: Cell,
  value: unknown,
  values?: RecordValues,
  path?: PropertyPath,
): void {
  if (value === undefined || value === null) {
    copy.addNull()
    return
  }
  cell.hasValue = true
  if (cell.isIdentifier && typeof value === 'number' && !keepsDigits(value)) throw DIGITS_LOST
  if (typeof value === 'string' && cell.takesText) {
    copy.addText(value)
    return
  }
  if (path === undefined || !leadsIntoPayload(path)) {
    // Kafka's own numbers: partition, offset, timestamp.
    if (typeof value === 'number' && Number.isSafeInteger(value) && cell.type.family === 'integer')
      copy.addPlain(String(value))
    else copy.addText(textFor(cell.type, { value, source: none, hasTexts: path !== undefined }))
    return
  }
  copy.addText(textFor(cell.type, { value, source: () => values?.sourceAt(path), hasTexts: false }))
}

const DIGITS_LOST = new Unfit(
  'VALUE_CHANGED',
  'takes a name, a key or an id, and the record has a number that JavaScript does not hold exactly; let the flow set a string',
)

const none = (): undefined => undefined
