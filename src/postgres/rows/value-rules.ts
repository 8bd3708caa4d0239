/**
 * Turns a value into text for a column, which PostgreSQL reads as this value and no other, or refuses it with a reason.
 * Nothing else in this package does. A text that PostgreSQL is certain to refuse is passed on: its error explains more.
 *
 * The file is long because it is one table, at its end: a rule for each kind of value in each family of columns.
 */
import { isUtf8 } from 'node:buffer'
import { faithfulJson } from '../../record/faithful-json'
import { elementSources } from '../../record/json-source'
import { readInstant } from '../../time/instant'
import type { ColumnFamily, ColumnType } from './column-family'
import { parseArray, quotedElement, rewriteRange, type ArrayOfTexts } from './literals'
import { clockText, dateText, instantText, namesATime, secondDigits } from './record-time'

/** The column cannot hold the value. The text continues a sentence that begins with the column's name. */
export class Unfit extends Error {
  constructor(
    /** `VALUE_CHANGED`: PostgreSQL would store another value. `22P02`: PostgreSQL's code for text that it cannot read. */
    readonly code: 'UTF8_INVALID' | 'TIME_INVALID' | 'VALUE_CHANGED' | '22P02',
    text: string,
  ) {
    super(text)
  }
}

/** Bytes are texts, other than for `bytea`; a `bigint` is a number; `structure` is an object or a list. */
type ValueKind = 'text' | 'number' | 'boolean' | 'instant' | 'structure'

/** A value that is neither null nor undefined. */
export interface Given {
  readonly value: unknown
  /** As the device wrote it in JSON; `undefined` when it is not a part of a JSON text. */
  readonly source: () => string | undefined
  /** Bytes inside it are texts, as those of headers are. */
  readonly hasTexts: boolean
}

type Rule = (given: Given, type: ColumnType) => string

/** @returns the text of the value, to be escaped. @throws Unfit, or another error for what has no JSON */
export function textFor(type: ColumnType, given: Given): string {
  const { value } = given
  if (value instanceof Uint8Array) {
    if (type.family === 'bytea') return hexOf(value)
    return RULES[type.family].text({ ...given, value: utf8Text(value) }, type)
  }
  return RULES[type.family][kindOf(value)](given, type)
}

function kindOf(value: unknown): ValueKind {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number' || typeof value === 'bigint') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  return value instanceof Date ? 'instant' : 'structure'
}

function utf8Text(bytes: Uint8Array): string {
  if (!isUtf8(bytes))
    throw new Unfit('UTF8_INVALID', 'takes text, and the bytes are not UTF-8; bytea takes any')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

// ---- texts ---------------------------------------------------------------------------------------------------

/** The value as JSON: a text is one in quotes. */
const json: Rule = ({ value, source, hasTexts }) =>
  source() ??
  (typeof value === 'bigint' ? value.toString() : faithfulJson(value, hasTexts ? utf8Text : undefined))

/** A text without quotes; anything else as JSON has it. */
const plain: Rule = (given, type) => {
  const { value } = given
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'number') return given.source() ?? String(value)
  return json(given, type)
}

const hex: Rule = (given, type) => hexOf(Buffer.from(wellFormed(plain(given, type))))

function hexOf(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}

function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text))
    throw new Error('the text has half of a surrogate pair, which UTF-8 cannot hold')
  return text
}

/** PostgreSQL silently cuts off blanks, and the end of values of its internal types. */
const fitting: Rule = (given, type) => {
  const text = plain(given, type)
  const { name, modifier } = type
  if (name === 'name' || name === 'char') {
    if (Buffer.byteLength(text) > (name === 'name' ? 63 : 1)) throw changed('is too short for the text')
  } else if (modifier >= 0 && text.endsWith(' ')) {
    const limit = modifier - 4
    const length = Array.from(text).length
    if (length > limit) throw changed(`holds ${limit} characters, and the text has more blanks after them`)
    if (name === 'bpchar' && length < limit)
      throw changed('does not preserve blanks at the end; make it varchar')
  } else if (name === 'bpchar' && modifier < 0 && text.endsWith(' ')) {
    throw changed('does not preserve blanks at the end; make it text')
  }
  return text
}

// ---- numbers -------------------------------------------------------------------------------------------------

const INTEGER = /^[+-]?\d+$/
const DECIMAL = /^[+-]?(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i
/** 1e-400 is 0 to JavaScript as well. */
const ZERO = /^[-0.]+$/
const NO_NUMBER = /^(?:nan|[+-]?inf(?:inity)?)$/i

/** A text of this length has at most 15 digits and a point or a sign: JavaScript preserves such a number. */
const FAITHFUL_LENGTH = 16

/** PostgreSQL 16 also takes `0x1F` and `1_000`, which older servers refuse. */
const wholeText: Rule = ({ value }, type) => {
  const text = (value as string).trim()
  if (!INTEGER.test(text)) throw noNumber('a whole number')
  return inRange(text, type)
}

/** PostgreSQL keeps the lowest 32 bits of an `oid`; for every other type it refuses a number out of range. */
function inRange(text: string, { name }: ColumnType): string {
  if (name === 'oid' && !(Number(text) >= 0 && Number(text) < 2 ** 32))
    throw noNumber('a whole number of 32 bits')
  return text
}

/** 2.0 and 2e3 are whole numbers, which PostgreSQL reads only without the point. */
const wholeNumber: Rule = (given, type) => {
  const { value } = given
  const source = given.source()
  if (source === undefined || typeof value !== 'number') return inRange(String(value), type)
  const isWhole = Number.isSafeInteger(value) && (value !== 0 || ZERO.test(source))
  return inRange(isWhole && source.length <= FAITHFUL_LENGTH ? String(value) : source, type)
}

const scaled: Rule = (given, type) => {
  const text = plain(given, type).trim()
  if (NO_NUMBER.test(text)) return text
  const { modifier } = type
  const last = lastDigit(text)
  const scale = modifier < 0 ? MAX_SCALE : (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400
  if (last > scale) {
    throw changed(
      `keeps ${scale} digits after the point, and the number has more; make it numeric, or round in the flow`,
    )
  }
  return text
}

/** Digits after the point that PostgreSQL keeps at most. */
const MAX_SCALE = 16_383

/** The position of a number's last digit after the point; negative before it. */
function lastDigit(text: string): number {
  const [, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? []
  if (whole + fraction === '') throw noNumber('a number')
  const digits = whole + fraction
  let length = digits.length
  while (length > 0 && digits[length - 1] === '0') length--
  return length === 0 ? -Infinity : length - whole.length - Number(exponent)
}

/** A fraction is rounded to what the column holds, as the type implies; a whole number must not change. */
const float: Rule = (given, { name }) => {
  const source = floatText(given)
  if (NO_NUMBER.test(source)) return source
  const number = Number(source)
  const held = name === 'float4' ? Math.fround(number) : number
  const isChanged = Number.isSafeInteger(number)
    ? held !== number
    : INTEGER.test(source) && Number.isFinite(held) && BigInt(held) !== BigInt(source.replace('+', ''))
  if (isChanged) {
    const larger = name === 'float4' ? 'double precision' : 'numeric'
    throw changed(`does not hold all digits of the whole number; make it ${larger}`)
  }
  return source
}

/** Where JavaScript holds the number exactly, it is as good as the device's text, and faster. */
function floatText({ value, source }: Given): string {
  if (typeof value === 'string') {
    const text = value.trim()
    if (!NO_NUMBER.test(text)) lastDigit(text)
    return text
  }
  const mayDiffer =
    value === 0 || !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
  const written = mayDiffer ? source() : undefined
  return written ?? (Object.is(value, -0) ? '-0' : String(value))
}

// ---- times ---------------------------------------------------------------------------------------------------

/** A number as it was written, where JavaScript does not hold all its digits. */
function timeOf({ value, source }: Given): unknown {
  if (typeof value !== 'number' || (Number.isSafeInteger(value) && value !== 0)) return value
  const text = source()
  return text !== undefined && (value === 0 ? !ZERO.test(text) : /^\d+(?:\.\d+)?$/.test(text)) ? text : value
}

const instant: Rule = (given, type) => {
  const read = readInstant(timeOf(given))
  return read === undefined ? noTime(given, type) : keptWhole(instantText(read), type)
}
const date: Rule = (given, type) => dateText(timeOf(given)) ?? noTime(given, type)
const clock: Rule = (given, type) => {
  const text = clockText(timeOf(given), type.family === 'zoned clock')
  return text === undefined ? noTime(given, type) : keptWhole(text, type)
}

/** PostgreSQL would round, even into the next day. */
function keptWhole(text: string, { modifier }: ColumnType): string {
  if (modifier >= 0 && secondDigits(text) > modifier) {
    throw changed(
      `keeps ${modifier} digits of a second, and the time has more; make it a type without a number in brackets`,
    )
  }
  return text
}

/** `90` would be seconds to PostgreSQL, and minutes to the device. */
const duration: Rule = (given, type) => {
  const text = (given.value as string).trim()
  if (!/[a-z:]/i.test(text))
    throw new Unfit('TIME_INVALID', 'takes a duration with its unit, such as PT90S or 90 s')
  if (/[.,]\d{6}\d*[1-9]/.test(text)) throw changed('keeps microseconds, and the duration is finer')
  return plain(given, type)
}

const noTime: Rule = (_given, { family }) => {
  const expected =
    family === 'interval'
      ? 'a duration with its unit, such as PT90S or 90 s'
      : 'a time, and the record has none, or a number that may mean two'
  throw new Unfit('TIME_INVALID', `takes ${expected}`)
}

// ---- several values ------------------------------------------------------------------------------------------

const list: Rule = (given, type) => {
  if (!Array.isArray(given.value)) return unfit(given, type)
  return arrayText(given.value, given, type.element as ColumnType)
}

const listText: Rule = (given, type) => {
  // The text `{1}` does not show whether the element is a number or a JSON string.
  const elements = type.element?.family === 'json' ? undefined : parseArray(given.value as string)
  if (elements === undefined) return unfit(given, type)
  return arrayText(
    elements,
    { hasTexts: given.hasTexts, source: () => undefined },
    type.element as ColumnType,
  )
}

/** As PostgreSQL's arrays. */
const MAX_DIMENSIONS = 6

function arrayText(
  elements: readonly unknown[] | ArrayOfTexts,
  { source, hasTexts }: Omit<Given, 'value'>,
  type: ColumnType,
  depth = 0,
): string {
  if (depth === MAX_DIMENSIONS)
    throw new Unfit('22P02', `holds lists in lists to a depth of ${MAX_DIMENSIONS}`)
  const text = source()
  const sources = text === undefined ? [] : elementSources(text)
  if (elements.length === 0 && depth > 0) throw changed('is an array, which holds no empty list in a list')
  const isJson = type.family === 'json'
  const texts = elements.map((value, at) => {
    if (value === null || value === undefined) return 'NULL'
    const inner = { value, hasTexts, source: () => sources[at] }
    return Array.isArray(value) && !isJson
      ? arrayText(value, inner, type, depth + 1)
      : quotedElement(textFor(type, inner))
  })
  return `{${texts.join(',')}}`
}

const range: Rule = (given, type) => {
  const text = given.value as string
  const bound = type.element as ColumnType
  if (bound.family === 'other') return namesATime(text) ? noTime(given, type) : text
  const write = (value: string): string => textFor(bound, { value, source: () => undefined, hasTexts: false })
  return rewriteRange(text, write) ?? unfit(given, type)
}

// ---- the table -----------------------------------------------------------------------------------------------

const unfit: Rule = ({ value }, { name }) => {
  const kind = kindOf(value)
  const what = kind !== 'structure' ? kind : Array.isArray(value) ? 'list' : 'object'
  throw new Unfit(
    '22P02',
    `has the type ${name.replace(/^_(.*)/, '$1[]')}, and the record has another kind of value: ${what}`,
  )
}

const alike = (rule: Rule): Record<ValueKind, Rule> => ({
  text: rule,
  number: rule,
  boolean: rule,
  instant: rule,
  structure: rule,
})
const times = (rule: Rule): Record<ValueKind, Rule> => ({
  ...alike(noTime),
  text: rule,
  number: rule,
  instant: rule,
})

const RULES: Readonly<Record<ColumnFamily, Readonly<Record<ValueKind, Rule>>>> = {
  // Bytes or a text are the JSON itself: PostgreSQL parses it anyway, and refuses what is invalid.
  document: { ...alike(json), text: plain },
  json: alike(json),
  bytea: alike(hex),
  text: alike(fitting),
  integer: { ...alike(unfit), text: wholeText, number: wholeNumber },
  numeric: { ...alike(unfit), text: scaled, number: scaled },
  float: { ...alike(unfit), text: float, number: float },
  boolean: { ...alike(unfit), text: plain, number: wholeNumber, boolean: plain },
  instant: times(instant),
  date: times(date),
  clock: times(clock),
  'zoned clock': times(clock),
  interval: { ...alike(noTime), text: duration },
  array: { ...alike(unfit), text: listText, structure: list },
  range: { ...alike(unfit), text: range },
  composite: alike(unfit),
  other: alike(plain),
}

function changed(why: string): Unfit {
  return new Unfit('VALUE_CHANGED', why)
}

function noNumber(what: string): Unfit {
  return new Unfit('22P02', `takes ${what}, and the record has none`)
}
