/**
 * The values of one row. JSON payloads are stored as the bytes that came in, not parsed and written again: that would
 * change numbers (1e400, 2^53+1), and drop duplicate keys. The same holds for the parts of a payload that columns take.
 *
 * What a column's source and type mean is decided once, for a table, and not for each value.
 */
import { keepsDigits } from '../../record/identifier'
import { follow } from '../../record/property-path'
import type { WireRecord } from '../../wire/message'
import { columnType, type ColumnType } from './column-family'
import type { Column, PropertyPath } from './columns'
import type { CopyText } from './copy-text'
import { cutText, timeText } from './record-time'
import { leadsIntoPayload, Unusable, type RecordValues } from './record-values'
import type { Reason } from './rejected'
import type { RowTime } from './row-time'
import { textFor, Unfit } from './value-rules'

/** A column of a table. */
export interface Cell {
  readonly name: string
  /** For sentences. */
  readonly label: string
  /** Rows may have no value in it because its path is misspelled. */
  readonly mayBeMisspelled: boolean
  /** Adds the record's value to the row. @returns false when it has none @throws what `encodeRow` turns into a reason */
  readonly add: AddValue
}

type AddValue = (copy: CopyText, record: WireRecord, values: RecordValues, time: RowTime) => boolean

export function cellOf(column: Column, type = columnType([])): Cell {
  const { name, source } = column
  const label = column.label ?? `the column "${name}"`
  switch (source.kind) {
    case 'time':
      return { name, label, mayBeMisspelled: false, add: timeAdder(type) }
    case 'time source':
      return { name, label, mayBeMisspelled: false, add: timeSourceAdder(type) }
    case 'payload':
      return { name, label, mayBeMisspelled: false, add: payloadAdder(type) }
    case 'property': {
      const { path } = source
      const add = leadsIntoPayload(path) ? payloadPartAdder(type, path) : propertyAdder(type, path)
      return { name, label, mayBeMisspelled: !OUR_OWN.has(path[0]), add }
    }
  }
}

/** Default columns are empty for a record without tenant or topic, which needs no warning. */
const OUR_OWN: ReadonlySet<string> = new Set(['tenant', 'project', 'topic', 'messageId'])

/**
 * @param isEmpty by column: no row has had a value in it yet
 * @returns why the record has no row; what was added of it then has to be dropped
 */
export function encodeRow(
  copy: CopyText,
  cells: readonly Cell[],
  record: WireRecord,
  values: RecordValues,
  time: RowTime,
  isEmpty: boolean[],
): Reason | undefined {
  let at = 0
  try {
    for (; at < cells.length; at++) {
      if ((cells[at] as Cell).add(copy, record, values, time)) isEmpty[at] = false
    }
    return undefined
  } catch (error) {
    if (error instanceof Unusable) return { code: error.code, text: error.message }
    isEmpty[at] = false
    const { name: rule, label } = cells[at] as Cell
    const { message } = error as Error
    if (error instanceof Unfit) return { code: error.code, text: `${label} ${message}`, rule }
    return { code: 'NOT_ENCODABLE', text: `${label}: ${message}` }
  }
}

/** Cuts a time that is finer than its column: PostgreSQL would round it, even into the next day. */
function timeAdder(type: ColumnType): AddValue {
  const { family, modifier } = type
  return (copy, _record, _values, { timeMs }) => {
    if (family !== 'instant')
      copy.addText(textFor(type, { value: timeText(timeMs), source: none, hasTexts: true }))
    else if (modifier < 0) copy.addInstant(timeMs)
    else copy.addText(cutText(timeText(timeMs), modifier))
    return true
  }
}

function timeSourceAdder(type: ColumnType): AddValue {
  const takesText = takesAnyText(type)
  return (copy, _record, _values, { source }) => {
    copy.addText(takesText ? source : textFor(type, { value: source, source: none, hasTexts: false }))
    return true
  }
}

/** JSON is the text of the whole payload: `document`. */
function payloadAdder(given: ColumnType): AddValue {
  const type: ColumnType = given.family === 'json' ? { ...given, family: 'document' } : given
  const takesText = takesAnyText(type)
  const takesBytes = type.family === 'bytea'
  return (copy, { payload: value }) => {
    if (isMissing(value)) copy.addNull()
    else if (takesText && value instanceof Uint8Array) copy.addBytes(value)
    else if (takesText && typeof value === 'string') copy.addText(value)
    else if (takesBytes && value instanceof Uint8Array) copy.addHex(value)
    else copy.addText(textFor(type, { value, source: none, hasTexts: false }))
    return !isMissing(value)
  }
}

function propertyAdder(type: ColumnType, path: PropertyPath): AddValue {
  const takesText = takesAnyText(type)
  // The rules compare an `oid` with its range.
  const takesIntegers = type.family === 'integer' && type.name !== 'oid'
  const isName = isIdentifier(path)
  return (copy, record) => {
    const value = follow(record, path, 0)
    if (isMissing(value)) {
      copy.addNull()
      return false
    }
    if (isName) assertKeepsDigits(value)
    if (takesText && typeof value === 'string') copy.addText(value)
    // Kafka's own numbers: partition, offset, timestamp.
    else if (takesIntegers && Number.isSafeInteger(value)) copy.addInteger(value as number)
    else copy.addText(textFor(type, { value, source: none, hasTexts: true }))
    return true
  }
}

function payloadPartAdder(type: ColumnType, path: PropertyPath): AddValue {
  const takesText = takesAnyText(type)
  return (copy, _record, values) => {
    const value = values.at(path)
    if (isMissing(value)) {
      copy.addNull()
      return false
    }
    if (takesText && typeof value === 'string') copy.addText(value)
    else copy.addText(textFor(type, { value, source: () => values.sourceAt(path), hasTexts: false }))
    return true
  }
}

/** A text needs no conversion: it is stored unchanged, or refused by PostgreSQL. */
function takesAnyText({ family, name, modifier }: ColumnType): boolean {
  if (family === 'document' || family === 'other') return true
  return family === 'text' && modifier < 0 && /^(?:text|varchar|citext)$/.test(name)
}

/** It names something, so a number has to have all its digits. */
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

/** @throws Unfit */
function assertKeepsDigits(value: unknown): void {
  if (typeof value !== 'number' || keepsDigits(value)) return
  throw new Unfit(
    'VALUE_CHANGED',
    'takes a name, a key or an id, and the record has a number that JavaScript does not hold exactly; let the flow set a string',
  )
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

const none = (): undefined => undefined
