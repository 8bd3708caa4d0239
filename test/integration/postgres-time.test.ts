/** Whose time a row has, and how the table and the log say so. What counts as a time: the poison table. */
import assert from 'node:assert/strict'
import { readColumns, type Column } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import type { WireRecord } from '../../src/wire/message'
import { keptLog, type KeptLog } from '../support/events'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record } from '../support/sink'

describe('the time of a row', () => {
  let database: TestDatabase
  let connection: Database
  let kept: KeptLog
  beforeEach(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    kept = keptLog()
  })
  afterEach(async () => {
    await connection.close(0)
    await database.drop()
  })

  async function write(columns: readonly Column[], records: readonly WireRecord[]): Promise<void> {
    const events = new SinkEvents(kept.log)
    const sink = openSink(connection, { columns, timeProperty: ['payload', 'at'], events })
    await sink.write({ way: 'range', range: range(0, records.length), records })
    await sink.close(1000)
    events.close()
  }
  const at = (offset: number, time: unknown, change: Partial<WireRecord> = {}): WireRecord =>
    record(offset, { payload: Buffer.from(JSON.stringify({ at: time })), ...change })
  const counted = (): unknown[] =>
    kept.entries.filter(({ code }) => code === 'TIME_REPLACED').map(({ counts }) => counts?.['records'])

  it('says where it is from, in the row and in the log', async () => {
    const noTimestamp = { kafka: { topic: 'iot-messages', partition: 0, offset: 3 } }
    await write(readColumns('', 'jsonb', true), [
      at(0, Date.now()),
      at(1, '1970-01-01T00:00:00Z'),
      at(2, 'now'),
      at(3, null, noTimestamp),
    ])
    const rows = await database.query<{ s: string }>(
      'select time_source as s from iot_messages order by kafka_offset',
    )
    assert.deepEqual(
      rows.map(({ s }) => s),
      ['device', 'kafka', 'kafka', 'arrival'],
    )
    assert.equal(
      (counted() as number[]).reduce((sum, count) => sum + count, 0),
      3,
    )
  })

  it('is not said in a table that has no column for it, nor while it is always the timestamp of Kafka', async () => {
    await write(readColumns('', 'jsonb', false), [at(0, 'now')])
    const hasColumn =
      "select from pg_attribute where attname = 'time_source' and attrelid = 'iot_messages'::regclass"
    assert.deepEqual(await database.query(hasColumn), [])
    await write(readColumns('', 'jsonb', true), [at(0, 'now'), at(1, Date.now())])
    assert.deepEqual(await database.query(hasColumn), [])
    assert.equal((await database.query('select from iot_messages')).length, 2)
  })

  it('is said in a column of any name, when it is mapped', async () => {
    const columns = readColumns(
      '[{"column":"t","from":"time"},{"column":"whose","from":"timeSource"}]',
      'jsonb',
    )
    await write(columns, [at(0, Date.now()), at(1, 'now')])
    const rows = await database.query<{ whose: string }>('select whose from iot_messages')
    assert.deepEqual(rows.map(({ whose }) => whose).sort(), ['device', 'kafka'])
  })

  it('is read by us for columns of a domain as well', async () => {
    await database.query('create domain instant as timestamptz')
    await database.query('create table iot_messages (measured_at instant, kafka_offset bigint)')
    const columns = readColumns(
      '[{"column":"measured_at","from":"payload.at"},{"column":"kafka_offset","from":"kafka.offset"}]',
      'jsonb',
    )
    await write(columns, [at(0, 1732715160), at(1, 'now')])
    const rows = await database.query<{ measured_at: Date }>('select measured_at from iot_messages')
    assert.deepEqual(
      rows.map(({ measured_at }) => measured_at.getTime()),
      [1732715160000],
    )
    const [letter] = await database.query<{ code: string }>('select code from iot_dead_letters')
    assert.equal(letter?.code, 'TIME_INVALID')
  })

  it('is never a word that PostgreSQL would take for one, in whatever column that holds times', async () => {
    await database.query('create domain instant as timestamptz')
    await database.query('create domain measured as instant')
    await database.query('create domain reported as measured check (value is not null)')
    await database.query('create domain days as daterange')
    const good = {
      reported: '2024-11-27T14:46:00Z',
      time: '14:30:05.5',
      timetz: '14:30+02',
      'timestamptz[]': '{2024-11-27T14:46:00Z}',
      tstzrange: '[2024-11-27T14:46:00Z,)',
      datemultirange: '{[2024-11-27,2024-11-28)}',
      days: '[2024-11-27,2024-11-28)',
    }
    const words: Record<keyof typeof good, string> = {
      reported: 'now',
      time: 'now',
      timetz: 'allballs',
      'timestamptz[]': '{n\\ow}',
      tstzrange: '[today,infinity)',
      datemultirange: '{[yesterday,tomorrow)}',
      days: '["now",)',
    }
    const types = Object.keys(good) as (keyof typeof good)[]
    const names = types.map((_, index) => `c${index}`)
    await database.query(
      `create table iot_messages (kafka_offset bigint, ${names.map((name, at) => `${name} ${types[at]}`).join(', ')})`,
    )
    const columns = readColumns(
      JSON.stringify([
        { column: 'kafka_offset', from: 'kafka.offset' },
        ...names.map((column) => ({ column, from: `payload.${column}` })),
      ]),
      'jsonb',
    )
    const payload = (values: Record<string, string>): Buffer => Buffer.from(JSON.stringify(values))
    const wellKnown = Object.fromEntries(
      names.map((name, at) => [name, good[types[at] as keyof typeof good]]),
    )
    const poisoned = names.map((name, at) => ({
      ...wellKnown,
      [name]: words[types[at] as keyof typeof good],
    }))
    await write(
      columns,
      [wellKnown, ...poisoned].map((values, offset) => record(offset, { payload: payload(values) })),
    )
    const rows = await database.query<Record<string, unknown>>(
      `select kafka_offset, c1::text, c2::text from iot_messages`,
    )
    assert.deepEqual(rows, [{ kafka_offset: '0', c1: '14:30:05.5', c2: '14:30:00+02' }])
    const letters = await database.query<{ code: string }>('select code from iot_dead_letters')
    assert.deepEqual(
      letters.map(({ code }) => code),
      names.map(() => 'TIME_INVALID'),
    )
  })
})
