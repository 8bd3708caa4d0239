/**
 * Every kind of value from every source into a column of every type, in a real PostgreSQL: what is read back is what
 * was sent, or the record is a dead letter. Never another value, never a NULL.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readColumns } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import type { DatabaseError } from '../../src/postgres/connect/database-error'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { prepareTable } from '../../src/postgres/table/table'
import type { WireRecord } from '../../src/wire/message'
import { keptLog } from '../support/events'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { testSeed } from '../support/random'
import { openDatabase, openSink, range, records } from '../support/sink'

/** JSON as a device wrote it, and which time it is, if it is one. */
interface Sent {
  readonly json: string
  readonly instant?: string
  readonly day?: string
  /** With a time zone. */
  readonly clock?: string
  /** Without one. */
  readonly utc?: string
}

const text = (value: string): Sent => ({ json: JSON.stringify(value) })
const time = (json: string, instant: string): Sent => ({ json, instant })

/** In SQL: `c` is what is stored, `json` what was sent, `plain` the same without the quotes of a text. */
const decimal = (value: string): string =>
  `${value} ~ '^\\s*[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?\\s*$'`
const DECIMAL = decimal('plain')
const NO_NUMBER = `lower(trim(plain)) in ('nan', 'infinity', '-infinity')`
const NUMBER = `case when ${DECIMAL} then c = trim(plain)::numeric else false end`
const FLOAT = (type: string): string => `case
  when ${NO_NUMBER} then c = trim(plain)::${type}
  when plain ~ '^\\s*[+-]?\\d+\\s*$' then c = trim(plain)::${type}
    and case when abs(c) < 9e18 then c::float8::int8 = trim(plain)::numeric else true end
  when ${DECIMAL} then c = trim(plain)::${type} else false end`
const JSON_LIST = (type: string, sent = 'json::jsonb'): string => `case
  when json like '[%' then to_jsonb(c) = ${sent}
  when json like '"%' then c::${type}[] = plain::${type}[] else false end`
/** An element that is a text is the number it says, as in a column that is no list. */
const NUMBERS = (type: string): string =>
  JSON_LIST(
    type,
    `(select coalesce(jsonb_agg(case when ${decimal(`e #>> '{}'`)} then to_jsonb(trim(e #>> '{}')::numeric) else e end
        order by at), '[]') from jsonb_array_elements(json::jsonb) with ordinality as element(e, at))`,
  )

const TEXTS = `case
  when json like '[[[%' then true
  when json like '[[%' then array(select unnest(c)::text) =
       array(select f from json_array_elements(json::json) as e, json_array_elements_text(e) as f)
  when json like '[%' then c::text[] = array(select json_array_elements_text(json::json))
  when json like '"%' then c::text[] = plain::text[] else false end`

/** Types, and when a value in such a column is the one that was sent. */
const TYPES: Readonly<Record<string, string>> = {
  text: 'c = plain',
  'varchar(5)': 'c = plain',
  'char(5)': `rpad(c::text, 5) = rpad(plain, 5) and (plain not like '% ' or length(plain) = 5)`,
  name: 'c::text = plain',
  '"char"': 'c::text = plain',
  json: `position('\\u0000' in c::text) > 0 or c::text = json`,
  jsonb: 'c = json::jsonb and jsonb_typeof(c) = jsonb_typeof(json::jsonb)',
  // A text of PostgreSQL has no NUL to compare with.
  bytea: `position('\\x00'::bytea in c) > 0 or c = convert_to(plain, 'UTF8')`,
  smallint: NUMBER,
  integer: NUMBER,
  bigint: NUMBER,
  oid: `case when ${DECIMAL} then c::text::numeric = trim(plain)::numeric else false end`,
  numeric: `${NO_NUMBER} or ${NUMBER}`,
  'numeric(6,2)': `${NO_NUMBER} or ${NUMBER}`,
  real: FLOAT('real'),
  'double precision': FLOAT('double precision'),
  // PostgreSQL takes the beginning of a word for the word.
  boolean: `c = case
    when starts_with('true', w) or starts_with('yes', w) or w in ('on', '1', '1.0') then true
    when starts_with('false', w) or starts_with('no', w) or w in ('off', 'of', '0', '-0', '0.0') then false end`,
  uuid: `replace(c::text, '-', '') = lower(regexp_replace(plain, '[{}-]', '', 'g'))`,
  mood: 'c::text = plain',
  short_text: 'c = plain',
  date: `c = coalesce(day, (instant at time zone 'UTC')::date)`,
  time: `c = coalesce(utc, (instant at time zone 'UTC')::time)`,
  timetz: `c = coalesce(clock, (instant at time zone 'UTC')::time at time zone 'UTC')`,
  timestamp: `c = instant at time zone 'UTC'`,
  timestamptz: 'c = instant',
  'timestamp(0)': `c = instant at time zone 'UTC'`,
  interval: `json like '"%' and plain ~ '[a-zA-Z:]' and c = plain::interval`,
  'integer[]': NUMBERS('integer'),
  'numeric(6,2)[]': NUMBERS('numeric'),
  'text[]': TEXTS,
  'varchar(5)[]': TEXTS,
  'jsonb[]': JSON_LIST('jsonb'),
  'timestamp[]': `case when json = '[]' then c = '{}' when json ~ '^\\[\\d{16}\\]$' then extract(epoch from c[1]) * 1000000 = (json::jsonb ->> 0)::numeric
                       when json like '["%' then c = (select array_agg(e::timestamptz at time zone 'UTC') from jsonb_array_elements_text(json::jsonb) as e)
                       when json like '[%' then replace(json, 'null', '') !~* '[a-z]'
                       else c = plain::timestamp[] end`,
  int4range: 'c = plain::int4range',
  tsrange: `plain !~* '[a-z]{3}' and lower(c) = lower(plain::tstzrange) at time zone 'UTC'`,
  datemultirange: 'c = plain::datemultirange',
}

const SENT: readonly Sent[] = [
  // Numbers.
  ...[
    '0',
    '-0',
    '1',
    '2',
    '1.0',
    '2e3',
    '1.5',
    '0.125',
    '1.10',
    '21.37',
    '1234.5',
    '9999.995',
    '32767',
    '32768',
  ],
  ...[
    '2147483647',
    '2147483648',
    '16777217',
    '123456789',
    '9007199254740991',
    '9007199254740993',
    '-9007199254740993',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '1e400',
    '-1e400',
    '1e-400',
    '1e-50',
    '1e39',
  ],
  ...[
    '1e-20000',
    '0.1',
    '0.30000000000000004',
    '12345678901234567890.12345678901234567890',
    '1e21',
    '20046',
    '-1',
    '90',
  ],
  // What is no number and no text.
  ...[
    'true',
    'false',
    '{}',
    '[]',
    '{"a":1}',
    '{"a":1,"a":2}',
    '[1,2]',
    '[1,null]',
    '[[1,2],[3,4]]',
    '[[]]',
    '[1,[2]]',
  ],
  ...[
    '["a","b\\"c\\\\d",""," x ","NULL",null]',
    '[1.5]',
    '[0.125]',
    '[9007199254740993]',
    '["abc    "]',
    '["0x1F"]',
  ],
  ...['[{"a":1},2,"x",[3]]', '["2024-11-27T15:46:00+01:00"]', '["now"]', '[true]'],
]
  .map((json): Sent => ({ json }))
  .concat(
    [
      '',
      ' ',
      'a',
      'abc  ',
      'abc    ',
      'abcdef',
      'a b',
      '\u{1f600}',
      'x'.repeat(64),
      '\\x4142',
      'a\\\\b',
      '\\101',
      '\\N',
      'a\tb\nc',
      '\u0000',
      'running',
      '007',
      '123',
      'true',
      'null',
      '{"a":1}',
      'a"b',
      '"',
      '[1]',
      '{}',
      '{1,2}',
      '{"a b",NULL,"NULL"}',
      '{{1},{2}}',
      '{abc    }',
      '0x1F',
      '0b1',
      '0o17',
      '1_000',
      '1e3',
      ' 17 ',
      '+5',
      '1,5',
      '-1',
      'NaN',
      'Infinity',
      '-infinity',
      '1e-400',
      '9007199254740993',
      '0x1p3',
      't',
      'yes',
      'off',
      '1',
      '0',
      'maybe',
      'happy',
      'Happy',
      'happy ',
      '6F9619FF-8B86-4011-B42D-00CF4FC964FF',
      '{6f9619ff-8b86-4011-b42d-00cf4fc964ff}',
      '6f9619ff8b864011b42d00cf4fc964ff',
      '1 day',
      'PT90S',
      '90 s',
      '90',
      '1.5',
      'now',
      'today',
      'epoch',
      'infinity',
      'tomorrow',
      'allballs',
      '{now}',
      '{n\\ow}',
      '[1,5)',
      '[0x1,5)',
      '[2024-11-27T15:46:00+01:00,)',
      '[2024-11-27T15:46:00Z,infinity)',
      '["now",)',
      '{[2024-11-27,2024-11-28)}',
      '20241127',
      '2024',
      '01/02/2024',
      '2025-02-30T10:00:60Z',
      '0024-01-01',
      '{2024-11-27T14:46:00Z}',
    ].map(text),
    [
      time('"2024-11-27T14:46:00Z"', '2024-11-27T14:46:00Z'),
      time('"2024-11-27T14:46:00"', '2024-11-27T14:46:00Z'),
      time('"2024-11-27T23:59:59.7Z"', '2024-11-27T23:59:59.7Z'),
      time('"2024-11-27T23:59:59.999999Z"', '2024-11-27T23:59:59.999999Z'),
      time('"2024-11-27T23:30:00-05:00"', '2024-11-28T04:30:00Z'),
      time('"2016-12-31T23:59:60Z"', '2017-01-01T00:00:00Z'),
      time('"2024-11-27"', '2024-11-27T00:00:00Z'),
      time('1732715160', '2024-11-27T13:46:00Z'),
      time('1732715160123', '2024-11-27T13:46:00.123Z'),
      time('1732715160123456', '2024-11-27T13:46:00.123456Z'),
      time('1732715160123456789', '2024-11-27T13:46:00.123456Z'),
      time('"1732715160123456"', '2024-11-27T13:46:00.123456Z'),
      { json: '0', instant: '1970-01-01T00:00:00Z' },
      { json: '20054', day: '2024-11-27' },
      { json: '-1826', day: '1965-01-01' },
      { json: '"01:30"', clock: '01:30:00Z', utc: '01:30:00' },
      { json: '"14:30"', clock: '14:30:00Z', utc: '14:30:00' },
      { json: '"01:30:00.5+02:00"', clock: '01:30:00.5+02:00', utc: '23:30:00.5' },
      { json: '"24:00:00"', clock: '24:00:00Z', utc: '24:00:00' },
      ...[
        '20054',
        '-1826',
        '52200000000',
        '86399999999',
        '86400000000',
        '3600000000',
        '52200000',
        '86399',
        '2524608000000000000000',
      ].map((json) => ({ json })),
    ],
  )

/** What a number is in a column of times: a day, a time of the day in microseconds, or an instant, by its size alone. */
function withMeaning(sent: Sent): Sent {
  const [, quote, sign, digits] = /^("?)(-?)(\d+)(?:\.0+)?\1$/.exec(sent.json.replace('2e3', '2000')) ?? []
  if (digits === undefined || sent.instant !== undefined) return sent
  const number = BigInt(sign + digits)
  const isNumber = quote === ''
  const day = isNumber && number > -100_000n && number < 100_000n ? dayOf(number) : undefined
  if (number === 0n)
    return { ...sent, instant: '1970-01-01Z', clock: '00:00Z', utc: '00:00', ...(day && { day }) }
  if (day !== undefined) return { ...sent, day }
  if (isNumber && number >= 10n ** 10n && number < 86_400_000_000n) {
    return { ...sent, clock: clockOf(number), utc: clockOf(number).slice(0, -1) }
  }
  for (const power of [0n, 3n, 6n, 9n]) {
    if (number < 10n ** (8n + power) || number >= 10n ** (10n + power)) continue
    const micros = (number * 10n ** 6n) / 10n ** power
    const date = new Date(Number(micros / 1000n)).toISOString().slice(0, -1)
    const instant = `${date}${String(micros % 1000n).padStart(3, '0')}Z`
    // As seconds it could be microseconds of the day.
    const clock = instant.split('T')[1] as string
    return { ...sent, instant, ...(power === 0n ? {} : { clock, utc: clock.slice(0, -1) }) }
  }
  return sent
}

const dayOf = (days: bigint): string => new Date(Number(days) * 86_400_000).toISOString().slice(0, 10)
const clockOf = (micros: bigint): string =>
  `${new Date(Number(micros / 1000n)).toISOString().slice(11, -1)}${String(micros % 1000n).padStart(3, '0')}Z`

/** A time with a fraction of its unit: what is finer than a microsecond is cut off, see `instant.test.ts`. */
const FINER_THAN_ITS_UNIT = /^-?\d{9,19}\.\d+$/
const KNOWN = new Set(SENT.map(({ json }) => json))

/** More of the same, made at random. */
function randomly(seed: number): Sent[] {
  const instants = fc.date({ min: new Date('1974-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  const anyTime = fc.tuple(instants, fc.constantFrom(1e-3, 1, 1e3)).map(([date, unit]): Sent => {
    const whole = Math.floor(date.getTime() / 1000) * 1000
    return {
      json: String((BigInt(whole) * BigInt(unit * 1000)) / 1000n),
      instant: new Date(whole).toISOString(),
    }
  })
  const anything = fc.oneof(
    fc
      .double()
      .filter(Number.isFinite)
      .map((value) => ({ json: JSON.stringify(value) })),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map((value) => ({ json: String(value) })),
    fc.integer().map((value) => ({ json: String(value) })),
    fc.string({ unit: 'binary', maxLength: 12 }).map(text),
    fc.string({ unit: fc.constantFrom(...'0123456789.-+eExX_ {}[](),:"\\now'), maxLength: 10 }).map(text),
    fc.json({ maxDepth: 2 }).map((json) => ({ json })),
    anyTime,
  )
  return fc
    .sample(anything, { seed, numRuns: 150 })
    .filter(({ json }) => json !== 'null' && !KNOWN.has(json) && !FINER_THAN_ITS_UNIT.test(json))
}

describe('a value', () => {
  const seed = testSeed()
  const all = Object.keys(TYPES)
  let database: TestDatabase
  let connection: Database
  before(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    await database.query(`create type mood as enum ('happy', 'sad', '1')`)
    await database.query('create domain short_base as varchar(5)')
    await database.query('create domain short_text as short_base')
  })
  after(async () => {
    await connection.close(0)
    await database.drop()
  })

  interface Run {
    readonly table: string
    readonly types: readonly string[]
    readonly from: (column: string) => string
    /** How JSON of the list is sent, and what JSON that is then. */
    readonly send: (json: string, column: string) => Partial<WireRecord>
    readonly sentAs: (json: string) => string
    readonly values: readonly Sent[]
  }

  /** A record for each value and each column, in one table. */
  async function run({ table, types, from, send, sentAs, values }: Run): Promise<string[]> {
    const columns = types.map((_, at) => `c${at}`)
    const pairs = values
      .map((value) => withMeaning({ ...value, json: sentAs(value.json) }))
      .flatMap((value, at) => columns.map((column) => ({ ...value, column, given: values[at]?.json ?? '' })))
    await database.query(
      `create table ${table} (kafka_offset bigint, ${types.map((type, at) => `c${at} ${type}`).join(', ')})`,
    )
    await database.query(
      `create table ${table}_sent as select place - 1 as kafka_offset, sent.*
         from unnest($1::text[], $2::text[], $3::timestamptz[], $4::date[], $5::timetz[], $6::time[])
              with ordinality as sent(json, plain, instant, day, clock, utc, place)`,
      [
        // PostgreSQL has no NUL in a text.
        pairs.map(({ json }) => json.replaceAll('\\u0000', '')),
        pairs.map(({ json }) => plainOf(json).replaceAll('\0', '')),
        ...(['instant', 'day', 'clock', 'utc'] as const).map((key) => pairs.map((pair) => pair[key] ?? null)),
      ],
    )
    const mapping = columns.map((column) => ({ column, from: from(column) }))
    const sink = openSink(connection, {
      table: { schema: 'public', table },
      deadLetters: { schema: 'public', table: `${table}_dead` },
      columns: readColumns(
        JSON.stringify([{ column: 'kafka_offset', from: 'kafka.offset' }, ...mapping]),
        'jsonb',
      ),
      ledgerName: table,
    })
    const records = pairs.map(({ given, column }, offset) => {
      const sent = send(given, column)
      const kafka = { topic: 'iot-messages', partition: 0, timestamp: Date.now(), ...sent.kafka, offset }
      return { tenant: `t${offset % 3}`, payload: Buffer.from('{}'), ...sent, kafka }
    })
    for (let first = 0; first < records.length; first += 3000) {
      const some = records.slice(first, first + 3000)
      await sink.write({ way: 'range', range: range(first, first + some.length), records: some })
    }
    await sink.close(1000)
    const lost = await database.query<{ json: string }>(
      `select json from ${table}_sent as sent
        where not exists (select from ${table} as stored where stored.kafka_offset = sent.kafka_offset)
          and not exists (select from ${table}_dead as dead where dead.kafka_offset = sent.kafka_offset)`,
    )
    const failures = lost.map(({ json }) => `${json} is neither a row nor a dead letter`)
    for (const [at, type] of types.entries()) {
      const found = await database.query<{ json: string; stored: string | null; same: boolean | null }>(
        `select json, c::text as stored, ${TYPES[type]} as same
           from (select *, c${at} as c from ${table}) as stored
           join (select *, lower(trim(plain)) as w from ${table}_sent) as sent using (kafka_offset)
          where kafka_offset % ${types.length} = ${at}`,
      )
      const others = found.filter(({ same }) => same !== true)
      failures.push(
        ...others.map(({ json, stored }) => `${table}, ${type}: ${json} became ${stored ?? 'NULL'}`),
      )
      if (found.length === 0) failures.push(`${table}, ${type}: nothing is stored`)
    }
    return failures
  }

  it(`that is a part of the payload is stored as it was sent, or is a dead letter (seed ${seed})`, async () => {
    const failures = await run({
      table: 'parts',
      types: all,
      from: (column) => `payload.${column}`,
      send: (json, column) => ({ payload: Buffer.from(`{"${column}": ${json} }`) }),
      sentAs: (json) => json,
      values: [...SENT, ...randomly(seed)],
    })
    assert.deepEqual(failures, [])
  })

  it('that a flow has built is stored as it is, or is a dead letter', async () => {
    const failures = await run({
      table: 'made',
      types: all,
      from: (column) => `payload.${column}`,
      send: (json, column) => ({ payload: { [column]: JSON.parse(json) as unknown } }),
      sentAs: (json) => JSON.stringify(JSON.parse(json)),
      values: SENT.filter(
        ({ json }) => Number.isSafeInteger(Number(json)) || JSON.parse(json) !== Number(json),
      ),
    })
    assert.deepEqual(failures, [])
  })

  it('that is a header or the key of Kafka is stored as its text, or is a dead letter', async () => {
    const failures = await run({
      table: 'headers',
      // Of a text it does not show which JSON its elements are.
      types: all.filter((type) => type !== 'jsonb[]'),
      from: (column) => (column === 'c0' ? 'kafka.key' : `kafka.headers.${column}`),
      send: (json, column) => {
        const bytes = Buffer.from(plainOf(json))
        return {
          kafka: column === 'c0' ? { key: bytes, headers: {} } : { key: null, headers: { [column]: bytes } },
        }
      },
      sentAs: (json) => JSON.stringify(plainOf(json)),
      values: SENT,
    })
    assert.deepEqual(failures, [])
  })

  it('that is the whole payload, in bytes or as a text, is stored as it is, or is a dead letter', async () => {
    const types = [
      'text',
      'varchar(5)',
      'json',
      'jsonb',
      'bytea',
      'integer',
      'numeric(6,2)',
      'real',
      'boolean',
    ]
    const failures: string[] = []
    for (const [at, type] of [...types, 'timestamptz', 'integer[]'].entries()) {
      const isJson = type.startsWith('json')
      const textOf = (json: string): string => (isJson ? json : plainOf(json))
      failures.push(
        ...(await run({
          table: `whole_${at}`,
          types: [type],
          from: () => 'payload',
          send: (json) => ({ payload: json.length % 2 === 0 ? Buffer.from(textOf(json)) : textOf(json) }),
          sentAs: (json) => (isJson ? json : JSON.stringify(plainOf(json))),
          values: SENT,
        })),
      )
    }
    assert.deepEqual(failures, [])
  })

  it('of the row is in UTC, and never rounded into the next second, whatever the database is set to', async () => {
    await database.query(
      `alter database ${new URL(database.url).pathname.slice(1)} set timezone to 'Asia/Shanghai'`,
    )
    await database.query(
      'create table local (at timestamp(0), day date, spelled text, seen timestamp, span tsrange)',
    )
    const sink = openSink(openDatabase(database.url), {
      table: { schema: 'public', table: 'local' },
      deadLetters: undefined,
      ledgerName: 'local',
      columns: readColumns(
        JSON.stringify([
          ...['at', 'day', 'spelled'].map((column) => ({ column, from: 'time' })),
          ...['seen', 'span'].map((column) => ({ column, from: `payload.${column}` })),
        ]),
        'jsonb',
      ),
    })
    const timestamp = Date.UTC(2024, 10, 27, 23, 59, 59, 700)
    const payload = Buffer.from('{"seen":"2024-11-27T20:00:00","span":"[2024-11-27 20:00,)"}')
    const kafka = { topic: 'iot-messages', partition: 0, offset: 0, timestamp }
    await sink.write({ way: 'range', range: range(0, 1), records: [{ payload, kafka }] })
    await sink.close(1000)
    assert.deepEqual(
      await database.query('select at::text, day::text, spelled, seen::text, span::text from local'),
      [
        {
          at: '2024-11-27 23:59:59',
          day: '2024-11-27',
          spelled: '2024-11-27T23:59:59.700Z',
          seen: '2024-11-27 20:00:00',
          span: '["2024-11-27 20:00:00",)',
        },
      ],
    )
  })

  it('that no record has had for a column is mentioned once', async () => {
    const { entries, log } = keptLog()
    const columns = ['payload.sequence', 'payload.sequense', 'kafka.headers.none', 'project'].map(
      (from, at) => ({
        column: `c${at}`,
        from,
        type: at === 0 ? 'integer' : 'text',
      }),
    )
    const sink = openSink(connection, {
      table: { schema: 'public', table: 'misspelt' },
      columns: readColumns(JSON.stringify(columns), 'jsonb'),
      ledgerName: 'misspelt',
      events: new SinkEvents(log),
    })
    for (let first = 0; first < 2000; first += 500) {
      const some = records(first, first + 500)
      await sink.write({ way: 'range', range: range(first, first + 500), records: some })
    }
    await sink.close(1000)
    assert.deepEqual(
      entries.filter(({ code }) => code === 'COLUMN_EMPTY').map(({ message }) => message.match(/"\w+"/g)),
      [['"c1"', '"c2"']],
    )
  })

  for (const [type, from, why] of [
    ['money', 'payload.x', /numeric/],
    ['pair', 'payload.x', /jsonb/],
    ['pair[]', 'payload.x', /jsonb/],
    ['interval(0)', 'payload.x', /interval/],
    ['interval day to hour', 'payload.x', /interval/],
    ['bigint', 'time', /timestamptz/],
    ['boolean', 'timeSource', /text/],
  ] as const) {
    it(`has no place in a column of type ${type} from ${from}, which the deploy says by its name`, async () => {
      await database.query('drop table if exists refused; drop type if exists pair')
      await database.query('create type pair as (a int, b timestamptz)')
      await database.query(`create table refused (odd ${type})`)
      const refused = prepareTable(connection, {
        table: { schema: 'public', table: 'refused' },
        columns: readColumns(JSON.stringify([{ column: 'odd', from }]), 'jsonb'),
        create: false,
        key: undefined,
      })
      await assert.rejects(refused, ({ kind, message }: DatabaseError) => {
        assert.equal(kind, 'configuration')
        assert.match(message, /the column "odd"/)
        assert.match(message, why)
        return true
      })
    })
  }
})

function plainOf(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json
}
