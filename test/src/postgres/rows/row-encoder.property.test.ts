/**
 * Rows are encoded by code that is compiled for a table and writes bytes. Here is the same in the plainest way: the text of
 * each value by the table of rules, escaped, with tabs between.
 */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { sourceAt } from '../../../../src/record/json-source'
import { columnType, type ColumnType } from '../../../../src/postgres/rows/column-family'
import type { Column, PropertyPath } from '../../../../src/postgres/rows/columns'
import { cutText, timeText } from '../../../../src/postgres/rows/record-time'
import { Unusable } from '../../../../src/postgres/rows/record-values'
import { encodeRows } from '../../../../src/postgres/rows/row-encoder'
import type { RowMapping } from '../../../../src/postgres/rows/row-mapping'
import { rowTime, type RowTime } from '../../../../src/postgres/rows/row-time'
import { textFor, Unfit } from '../../../../src/postgres/rows/value-rules'
import type { WireRecord } from '../../../../src/wire/message'
import { testSeed } from '../../../support/random'

const NOW = Date.parse('2026-11-30T12:00:00Z')

/** Names of types, and the modifiers to try them with. */
const TYPES: Readonly<Record<string, readonly number[]>> = {
  ...{
    text: [-1],
    varchar: [-1, 9],
    bpchar: [9],
    citext: [-1],
    name: [-1],
    jsonb: [-1],
    json: [-1],
    bytea: [-1],
  },
  ...{ int4: [-1], int8: [-1], oid: [-1], numeric: [-1], float8: [-1], bool: [-1], uuid: [-1] },
  ...{ timestamptz: [-1, 0, 3], date: [-1], time: [-1], interval: [-1] },
}
const PATHS = [
  'tenant topic messageId receivedAt reading toString __proto__ payload',
  'kafka.offset kafka.key levels.line kafka.headers.unit payload.a payload.a.0',
].flatMap((paths) => paths.split(' ').map((path) => path.split('.') as [string, ...string[]]))

const typeOf = ([name, modifier]: readonly [string, number]): ColumnType =>
  columnType([{ name, kind: 'b', array: false, modifier }])

const someType = fc
  .constantFrom(
    ...Object.entries(TYPES).flatMap(([name, modifiers]) => modifiers.map((one) => [name, one] as const)),
  )
  .map(typeOf)

const someText = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'Z', '0', ' ', '\\', '\t', '\n', '\r', '\0', '\x7f', 'é', '漢', '😀', '"'),
  }),
  fc.string({ unit: fc.constantFrom('\ud800', '\udc00', 'x'), maxLength: 3 }),
  fc.constantFrom(
    '',
    '\\N',
    '\\.',
    'now',
    '42',
    '-7',
    '2026-11-30T11:00:00Z',
    'x'.repeat(300),
    `${'é'.repeat(200)}\\`,
  ),
)
const someBytes = fc.oneof(
  someText.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(
    Buffer.from('{"a":[1e400,"\\u0041"]}'),
    Buffer.from([0xff, 0x09]),
    Buffer.alloc(3000, '\\'),
  ),
)
const someValue = fc.oneof(
  someText,
  someBytes,
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    0,
    -0,
    7,
    -12,
    2 ** 31,
    2 ** 53,
    -(2 ** 53),
    21.5,
    NaN,
  ),
  fc.constantFrom<unknown>(
    10n ** 20n,
    new Date(NOW),
    new Date(NaN),
    [1, 'a'],
    { a: [{ b: '\\' }] },
    { a: [Buffer.from('C')] },
    () => 1,
  ),
  fc.integer(),
  fc.maxSafeNat(),
)
const someTime = fc.oneof(
  fc.integer({ min: NOW - 40 * 86_400_000, max: NOW + 2 * 86_400_000 }),
  fc.constantFrom<unknown>(NOW, NOW + 0.5, NOW + 999, NOW + 1000, -1, undefined, 'x'),
)

const someRecord: fc.Arbitrary<WireRecord> = fc
  .record(
    {
      ...{
        tenant: someValue,
        topic: someValue,
        messageId: someValue,
        receivedAt: someTime,
        reading: someValue,
      },
      payload: someValue,
      levels: fc.option(fc.record({ line: someValue })),
      kafka: fc.record(
        { offset: someValue, key: someValue, timestamp: someTime, headers: fc.record({ unit: someValue }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  .map((record) => record as WireRecord)

const someSource = fc.oneof(
  fc.constantFrom<Column['source']>({ kind: 'time' }, { kind: 'payload' }, { kind: 'time source' }),
  fc.constantFrom(...PATHS).map((path): Column['source'] => ({ kind: 'property', path })),
)

const someMapping: fc.Arbitrary<RowMapping> = fc
  .record({
    cells: fc.array(fc.tuple(someSource, someType), { minLength: 1, maxLength: 6 }),
    boundTime: fc.boolean(),
    timeProperty: fc.constantFrom<PropertyPath | undefined>(undefined, ['reading']),
  })
  .map(({ cells, ...time }) => {
    const columns = cells.map(([source], index): Column => ({ name: `c${index}`, source, type: '' }))
    return {
      ...{ columns, types: new Map(cells.map(([, type], index) => [`c${index}`, type])), ...time },
      ...{
        payloadType: 'jsonb' as const,
        bounds: { pastDays: 31, futureDays: 1 },
        keeping: undefined,
        key: [],
      },
    }
  })

/** The value at a path, and how it was written if that is a part of the payload. */
function valueAt(record: WireRecord, path: PropertyPath): { value: unknown; source: string | undefined } {
  if (path[0] !== 'payload' || path.length === 1) return { value: follow(record, path), source: undefined }
  const { payload } = record
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    return { value: follow(payload, path.slice(1)), source: undefined }
  if (typeof payload !== 'string' && !isUtf8(payload)) throw new Unusable('UTF8_INVALID', '')
  const text = typeof payload === 'string' ? payload : Buffer.from(payload).toString()
  let opened: unknown
  try {
    opened = JSON.parse(text)
  } catch {
    throw new Unusable('JSON_INVALID', '')
  }
  return { value: follow(opened, path.slice(1)), source: sourceAt(text, path.slice(1)) }
}

function follow(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
  return follow((value as Record<string, unknown>)[step], rest)
}

/** What goes into a column: bytes that have yet to be escaped, or `undefined` for NULL. */
function plainCell(
  { source }: Column,
  type: ColumnType,
  record: WireRecord,
  time: RowTime,
): Buffer | undefined {
  const family = source.kind === 'payload' && type.family === 'json' ? 'document' : type.family
  const rule = { ...type, family }
  const takesText =
    family === 'document' || family === 'other' || /^(?:text|citext)$/.test(type.name) || isPlainVarchar(type)
  const text = (value: unknown, more: { source?: string | undefined; hasTexts?: boolean } = {}): Buffer =>
    encoded(textFor(rule, { value, source: () => more.source, hasTexts: more.hasTexts === true }))
  if (source.kind === 'time') {
    const given = timeText(time.timeMs)
    if (family !== 'instant') return text(given, { hasTexts: true })
    return encoded(type.modifier < 0 ? given : cutText(given, type.modifier))
  }
  const path = source.kind === 'property' ? source.path : undefined
  const given =
    path === undefined
      ? { value: source.kind === 'payload' ? record.payload : time.source, source: undefined }
      : valueAt(record, path)
  const { value } = given
  if (value === undefined || value === null) return undefined
  const names = path !== undefined && /^(?:tenant|topic|messageId|levels|kafka,key)\b/.test(String(path))
  if (names && typeof value === 'number' && !(Number.isSafeInteger(value) && !Object.is(value, -0)))
    throw new Unfit('VALUE_CHANGED', '')
  if (source.kind === 'payload' && value instanceof Uint8Array && takesText) return Buffer.from(value)
  if (typeof value === 'string' && takesText) return encoded(value)
  return text(value, {
    source: given.source,
    hasTexts: path !== undefined && !(path[0] === 'payload' && path.length > 1),
  })
}

function isPlainVarchar({ name, modifier }: ColumnType): boolean {
  return name === 'varchar' && modifier < 0
}

function encoded(text: string): Buffer {
  if (/\p{Surrogate}/u.test(text)) throw new Error('half of a pair')
  return Buffer.from(text)
}

function escaped(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes
      .toString('latin1')
      .replace(/[\\\t\n\r]/g, (one) => `\\${{ '\t': 't', '\n': 'n', '\r': 'r' }[one] ?? one}`),
    'latin1',
  )
}

/** The row, or the code of the reason why there is none. */
function plainRow(mapping: RowMapping, record: WireRecord): Buffer | string {
  const own = mapping.timeProperty && valueAt(record, mapping.timeProperty).value
  const time = rowTime({ ...mapping, isKey: false }, record, own, NOW)
  if (time === undefined) return 'TIME_INVALID'
  try {
    const cells = mapping.columns.map((column) => {
      const bytes = plainCell(column, mapping.types.get(column.name) as ColumnType, record, time)
      return bytes === undefined ? '\\N' : escaped(bytes).toString('latin1')
    })
    return Buffer.from(`${cells.join('\t')}\n`, 'latin1')
  } catch (error) {
    return error instanceof Unfit || error instanceof Unusable ? error.code : 'NOT_ENCODABLE'
  }
}

describe('encoded rows', () => {
  it('are what the rules say of each value, whatever the columns and the records are', () => {
    const seed = testSeed()
    const property = fc.property(someMapping, fc.array(someRecord, { maxLength: 6 }), (mapping, records) => {
      const { copy, records: kept, rejected, empty } = encodeRows(mapping, records, NOW)
      const plain = records.map((record) => plainRow(mapping, record))
      const rows = plain.filter((one): one is Buffer => typeof one !== 'string')
      assert.deepEqual(
        rows.map((_row, index) => copy.slice(index, index + 1).toString('latin1')),
        rows.map((row) => row.toString('latin1')),
      )
      assert.ok(copy.slice(0, copy.rows).equals(Buffer.concat(rows)))
      assert.equal(copy.rows, rows.length)
      assert.deepEqual(
        rejected.map(({ reason }) => reason.code),
        plain.filter((one) => typeof one === 'string'),
      )
      assert.deepEqual(
        kept,
        records.filter((_record, index) => typeof plain[index] !== 'string'),
      )
      if (kept.length < records.length) return
      const isEmpty = ({ source }: Column): boolean =>
        source.kind === 'property' &&
        !/^(?:tenant|topic|messageId)$/.test(source.path[0]) &&
        kept.every((record) => (valueAt(record, source.path).value ?? undefined) === undefined)
      assert.deepEqual(
        empty,
        mapping.columns.filter(isEmpty).map(({ name }) => name),
      )
    })
    fc.assert(property, { seed, numRuns: 2000 })
  })
})
