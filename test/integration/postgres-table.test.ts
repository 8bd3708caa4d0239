import assert from 'node:assert/strict'
import { readColumns } from '../../src/postgres/rows/columns'
import type { TestDatabase } from '../support/postgres'
import { range, record, recordAt, records } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'
import { until } from '../support/until'

describe('the table of the PostgreSQL sink', () => {
  let database: TestDatabase
  const open = databaseForEachTest((made) => ({ database } = made))

  it('has the columns and indexes that are promised, and no primary key', async () => {
    await open().write({ way: 'range', range: range(0, 2), records: records(0, 2) })
    const columns = await database.query<{ c: string }>(
      `select column_name || ' ' || data_type as c from information_schema.columns
        where table_name = 'iot_messages' order by ordinal_position`,
    )
    assert.deepEqual(
      columns.map(({ c }) => c),
      [
        'time timestamp with time zone',
        'tenant_id text',
        'project_id text',
        'mqtt_topic text',
        'payload jsonb',
        'message_id text',
        'kafka_topic text',
        'kafka_partition integer',
        'kafka_offset bigint',
        'created_at timestamp with time zone',
      ],
    )
    const indexes = await database.query<{ d: string }>(
      `select regexp_replace(indexdef, '.* USING ', '') as d from pg_indexes where tablename = 'iot_messages' order by 1`,
    )
    assert.deepEqual(
      indexes.map(({ d }) => d),
      ['btree (tenant_id, "time" DESC)', 'btree (tenant_id, project_id, "time" DESC)'],
    )
  })

  it('keeps both of two messages of one project in the same instant', async () => {
    const now = Date.now()
    const [one, other] = [recordAt(0, now), { ...recordAt(1, now), tenant: 't0' }]
    await open().write({ way: 'range', range: range(0, 2), records: [one, other] })
    const rows = await database.query('select 1 from iot_messages where tenant_id = $1', ['t0'])
    assert.equal(rows.length, 2)
  })

  it('is created once by two sinks that start at the same time', async () => {
    const other = open({ ledgerName: 'sink2' })
    const one = open()
    const batch = records(0, 3)
    await Promise.all(
      [one, other].map((sink) => sink.write({ way: 'range', range: range(0, 3), records: batch })),
    )
    assert.equal((await database.query('select 1 from iot_messages')).length, 6)
  })

  it('is used as it is when it was there before', async () => {
    await database.query(
      `create table iot_messages (at timestamptz, tenant varchar(10), degrees float8, site text default 'north')`,
    )
    const columns = readColumns(
      JSON.stringify([
        { column: 'at', from: 'time' },
        { column: 'tenant', from: 'tenant' },
        { column: 'degrees', from: 'payload.temperature' },
      ]),
      'jsonb',
    )
    const payload = Buffer.from('{"temperature":21.5}')
    await open({ columns }).write({ way: 'range', range: range(0, 1), records: [record(0, { payload })] })
    const rows = await database.query('select tenant, degrees, site from iot_messages')
    assert.deepEqual(rows, [{ tenant: 't0', degrees: 21.5, site: 'north' }])
  })

  it('with a generated column that the mapping fills is refused before the first row, by name', async () => {
    await database.query(`create table iot_messages (at timestamptz, degrees float8,
      kelvin float8 generated always as (degrees + 273.15) stored)`)
    const mapping = [
      { column: 'at', from: 'time' },
      { column: 'degrees', from: 'payload.degrees' },
      { column: 'kelvin', from: 'payload.kelvin' },
    ]
    const columns = readColumns(JSON.stringify(mapping), 'jsonb')
    const sink = open({ columns, createTable: false })
    sink.start()
    await until('the sink shows it', () => sink.problem !== undefined)
    assert.equal(sink.problem?.statusText, 'PostgreSQL: column kelvin is generated')
    assert.match(sink.problem.message, /computes the column "kelvin".*remove it from the sink's columns/)
    const without = open({ columns: columns.slice(0, 2), createTable: false, ledgerName: 'without' })
    const payload = { degrees: 20 }
    await without.write({ way: 'range', range: range(0, 1), records: [record(0, { payload })] })
    assert.deepEqual(await database.query('select kelvin from iot_messages'), [{ kelvin: 293.15 }])
  })

  it('stores JSON as it was sent, not as JavaScript would write it', async () => {
    const payload = Buffer.from('{"n":9007199254740993,"n":1e400}')
    const columns = readColumns('[{"column":"payload","from":"payload"}]', 'json')
    await open({ columns, payloadType: 'json' }).write({
      way: 'range',
      range: range(0, 1),
      records: [record(0, { payload })],
    })
    const rows = await database.query<{ p: string }>('select payload::text as p from iot_messages')
    assert.equal(rows[0]?.p, payload.toString())
  })

  it('takes the time of the device where it is one, else the timestamp of Kafka', async () => {
    const kafkaMs = Date.now()
    const device = (offset: number, timestamp: unknown): ReturnType<typeof record> => ({
      ...recordAt(offset, kafkaMs),
      payload: Buffer.from(JSON.stringify({ timestamp })),
    })
    const seconds = Math.floor(kafkaMs / 1000) - 3600
    const good = [seconds, seconds * 1000, String(seconds), new Date(seconds * 1000).toISOString()]
    const bad = ['now', 'infinity', 0, 4e9, -1, null, { a: 1 }, '2026-02-30T00:00:00Z']
    const batch = [...good, ...bad].map((timestamp, offset) => device(offset, timestamp))
    const sink = open({ timeProperty: ['payload', 'timestamp'] })
    await sink.write({ way: 'range', range: range(0, batch.length), records: batch })
    const rows = await database.query<{ time: Date }>('select time from iot_messages order by kafka_offset')
    assert.deepEqual(
      rows.map(({ time }) => time.getTime()),
      [...good.map(() => seconds * 1000), ...bad.map(() => kafkaMs)],
    )
  })
})
