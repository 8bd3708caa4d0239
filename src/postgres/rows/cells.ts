/**
 * The values of one row. JSON payloads are stored as the bytes that came in, not parsed and written again: that would
 * change numbers (1e400, 2^53+1), and drop duplicate keys. The same holds for the parts of a payload that columns take.
 */
import { keepsDigits } from '../../record/identifier'
import type { WireRecord } from '../../wire/message'
import { columnType, type ColumnType } from './column-family'
import type { Column, ColumnSource, PropertyPath } from './columns'
import type { CopyText } from './copy-text'
import { cutText, timeText } from './record-time'
import { leadsIntoPayload, Unusable, type RecordValues } from './record-values'
import type { Reason } from './rejected'
import type { RowTime } from './row-time'
import { textFor, Unfit } from './value-rules'

/** A column, and what its type means for a value. */
export interface Cell {
  readonly name: string
  readonly source: ColumnSource
  readonly type: ColumnType
  /** A text needs no conversion: it is stored unchanged, or refused. */
  readonly takesText: boolean
  /** It names something, so a number has to have all its digits. */
  readonly isIdentifier: boolean
  /** A row has a value in it. */
  hasValue: boolean
}

export function cellOf({ name, source }: Column, type = columnType([])): Cell {
  const isDocument = source.kind === 'payload' && type.family === 'json'
  const isPlainText =
    type.family === 'text' && type.modifier < 0 && /^(?:text|varchar|citext)$/.test(type.name)
  return {
    name,
    source,
    type: isDocument ? { ...type, family: 'document' } : type,
    takesText: isDocument || isPlainText || type.family === 'other',
    isIdentifier: source.kind === 'property' && isIdentifier(source.path),
    hasValue: source.kind !== 'property' || !mayBeMisspelled(source.path),
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

/** Default columns are empty for a record without tenant or topic, which needs no warning. */
function mayBeMisspelled([first]: PropertyPath): boolean {
  return !OUR_OWN.has(first)
}
const OUR_OWN: ReadonlySet<string> = new Set(['tenant', 'project', 'topic', 'messageId'])

/** @returns why the record has no row; what was added of it then has to be dropped */
export function encodeRow(
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

/** Cuts a time that is finer than its column: PostgreSQL would round it, even into the next day. */
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

/** @param path of the value, when it may be a part of the payload */
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
