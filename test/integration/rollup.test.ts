/** The roll-up against plain SQL over the raw rows that a sink beside it has written. */
import assert from 'node:assert/strict'
import type { Database } from '../../src/postgres/connect/database'
import { readColumns } from '../../src/postgres/rows/columns'
import { WINDOW_NAMES } from '../../src/postgres/rollup/windows'
import type { RolledUp } from '../../src/postgres/rollup/rollup-writer'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { KafkaRange, WireRecord } from '../../src/wire/message'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { randomFrom, testSeed } from '../support/random'
import { openRollup, plainSql, windowsOf } from '../support/rollup'
import { openDatabase, openSink } from '../support/sink'

const DAY_MS = 86_400_000
const PARTITIONS = 3
const METRICS = ['t', 'level', 'huge']

/** A table of raw rows that keeps what the roll-up looks at. */
const RAW = JSON.stringify([
  { column: 'time', from: 'time' },
  { column: 'tenant_id', from: 'tenant' },
  { column: 'project_id', from: 'project' },
  { column: 'device_id', from: 'device' },
  { column: 'payload', from: 'payload' },
  { column: 'kafka_partition', from: 'kafka.partition', type: 'integer' },
  { column: 'kafka_offset', from: 'kafka.offset', type: 'bigint' },
])

describe('a roll-up', () => {
  let database: TestDatabase
  let connection: Database
  let sinks: TableSink[]

  beforeEach(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    sinks = []
  })
  afterEach(async () => {
    await Promise.all(sinks.map((sink) => sink.close(0)))
    await connection.close(0)
    await database.drop()
  })

  const open = (...given: Parameters<typeof openRollup> extends [Database, ...infer Rest] ? Rest : never) => {
    const sink = openRollup(connection, ...given)
    sinks.push(sink)
    return sink
  }
  const openRaw = (): TableSink => {
    const columns = readColumns(RAW, 'jsonb')
    const sink = openSink(connection, { columns, timeProperty: ['payload', 'at'], retentionDays: 0 })
    sinks.push(sink)
    return sink
  }
  const range = (partition: number, firstOffset: number, nextOffset: number): KafkaRange => ({
    ...{ clusterId: 'c1', group: 'g', topic: 'iot', partition, firstOffset, nextOffset },
  })
  const record = (
    partition: number,
    offset: number,
    payload: object,
    change: Partial<WireRecord> = {},
  ): WireRecord => ({
    ...{ tenant: 'acme', project: 'plant', device: 'd1', payload: Buffer.from(JSON.stringify(payload)) },
    kafka: { topic: 'iot', partition, offset, timestamp: Date.now(), headers: {} },
    ...change,
  })
  const at = (time: number): string => new Date(time).toISOString()

  it('comes to what plain SQL makes of the raw rows, whatever is late, repeated, joined or overtaken', async () => {
    const next = randomFrom(testSeed())
    const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
    const now = Date.now()
    const pick = <T>(list: readonly T[]): T => list[integer(0, list.length - 1)] as T
    const values = [0, -0, 21.5, -3.25, 0.1, 0.2, 1e-7, 123456.789, 99999999.25, 12345678901234, 5]
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) =>
      Array.from({ length: 400 }, (_, offset) => {
        // Few instants, so that many records have the same; some of them days late.
        const time = now - 20 * DAY_MS * (integer(0, 9) === 0 ? 1 : 0) - 1000 * integer(0, 200)
        const payload = { at: at(time), t: pick(values), ...(integer(0, 2) > 0 && { level: pick(values) }) }
        const extra = integer(0, 30) === 0 ? { huge: pick([1e20, 1.5e-12, 123456789.123456]) } : { text: 'x' }
        const device = pick(['d1', 'd2', 'd"3\\', `p${partition}`])
        return record(
          partition,
          offset,
          { ...payload, ...extra },
          { device, tenant: pick(['acme', 'zürich']) },
        )
      }),
    )
    const raw = openRaw()
    // Two processes, of which one does not know that the other has taken a partition over.
    const rollups = [open(), open()]
    await Promise.all(
      partitions.map(async (records, partition) => {
        for (let from = 0; from < records.length;) {
          const to = Math.min(records.length, from + integer(1, 60))
          const batch = {
            way: 'range',
            range: range(partition, from, to),
            records: records.slice(from, to),
          } as const
          const writes = [raw.write(batch), pick(rollups).write(batch)]
          if (integer(0, 3) === 0) writes.push(pick(rollups).write(batch), raw.write(batch))
          await Promise.all(writes)
          from = to
        }
      }),
    )
    for (const name of WINDOW_NAMES) {
      const expected = await plainSql(database, 'iot_messages', name, METRICS)
      assert.ok(expected.length > 10)
      assert.deepEqual(await windowsOf(database, name), expected, name)
    }
    const [ledger] = await database.query<{ passed: string; rows: string }>(
      `select sum(next_offset) as passed, sum(stored_rows) as rows from iot_ledger where sink = 'rollup1'`,
    )
    assert.deepEqual(ledger, { passed: String(PARTITIONS * 400), rows: String(PARTITIONS * 400) })
  })

  it('tells which windows have changed, once they are committed', async () => {
    const told: RolledUp[] = []
    const sink = open({
      windows: [{ name: '1m', retentionDays: 0 }],
      tells: () => true,
      onRolledUp: (rolledUp) => told.push(rolledUp),
    })
    const minute = Math.floor(Date.now() / 60_000) * 60_000
    const write = (from: number, ...numbers: number[]): Promise<unknown> =>
      sink.write({
        way: 'range',
        range: range(0, from, from + numbers.length),
        records: numbers.map((t, i) => record(0, from + i, { at: at(minute + from + i), t, text: 'x' })),
      })
    await write(0, 1, 2)
    await write(2, 6)
    const [changed] = told[1]?.changed ?? []
    const { tenant, project, device, payload } = changed ?? {}
    assert.deepEqual([tenant, project, device], ['acme', 'plant', 'd1'])
    assert.deepEqual(payload, {
      ...{ metric: 't', window: '1m', start: at(minute), end: at(minute + 60_000) },
      ...{ count: 3, sum: 9, mean: 3, deviation: Math.sqrt(42) / 3, min: 1, max: 6 },
      ...{ first: 1, firstTime: at(minute), last: 6, lastTime: at(minute + 2) },
    })
    assert.deepEqual(
      told.map(({ windows }) => windows),
      [1, 1],
    )
  })

  it('skips values that are no finite number, and counts them, and records without any', async () => {
    const told: RolledUp[] = []
    const sink = open({ onRolledUp: (rolledUp) => told.push(rolledUp) })
    const texts = ['{"t":1e400}', '{"t":true}', 'no json', '[1,2]', '{"deep":{"er":7}}', '3.5']
    const records = texts.map((text, offset) => record(0, offset, {}, { payload: Buffer.from(text) }))
    const written = await sink.write({ way: 'range', range: range(0, 0, texts.length), records })
    assert.deepEqual(written.rejected, [])
    assert.deepEqual(
      told.map(({ skipped, without }) => [skipped, without]),
      [[1, 4]],
    )
    const rows = await database.query(`select metric, sum::float8 from iot_rollup_1h order by metric`)
    assert.deepEqual(rows, [
      { metric: 'deep.er', sum: 7 },
      { metric: 'value', sum: 3.5 },
    ])
  })

  it('counts a late record in the windows that are still kept, and rejects one that is in none', async () => {
    const sink = open({
      windows: [
        { name: '1m', retentionDays: 2 },
        { name: '1h', retentionDays: 10 },
      ],
    })
    const records = [0, 5, 20].map((days, offset) =>
      record(0, offset, { at: at(Date.now() - days * DAY_MS), t: 1 }),
    )
    const { rejected } = await sink.write({ way: 'range', range: range(0, 0, 3), records })
    assert.deepEqual(
      rejected.map(({ record, reason }) => [record, reason.code]),
      [[records[2], 'TIME_OUTDATED']],
    )
    const count = async (name: string): Promise<unknown> =>
      (await database.query<{ n: string }>(`select count(*) as n from iot_rollup_${name}`))[0]?.n
    assert.deepEqual([await count('1m'), await count('1h')], ['1', '2'])
    const letters = await database.query(`select id from iot_dead_letters`)
    assert.equal(letters.length, 1)
  })

  it('rejects names that PostgreSQL does not store, and too many numbers, and adds up the rest', async () => {
    const sink = open()
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`m${at}`, at]))
    const records = [
      record(0, 0, { t: 1 }),
      record(0, 1, { t: 1 }, { device: 'a\0b' }),
      record(0, 2, { t: 1 }, { tenant: Buffer.from([0xff]) }),
      record(0, 3, { ['x'.repeat(2000)]: 1 }),
      record(0, 4, many),
      record(0, 5, { t: 1 }, { project: '\ud800' }),
    ]
    const { rejected } = await sink.write({ way: 'range', range: range(0, 0, 6), records })
    const codes = rejected.map(({ reason }) => reason.code)
    assert.deepEqual(codes, [
      'NAME_INVALID',
      'NAME_INVALID',
      'NAME_INVALID',
      'METRICS_EXCEEDED',
      'NAME_INVALID',
    ])
    assert.equal((await windowsOf(database, '1d')).length, 1)
  })

  it('finds the one number that its window has no room for, and keeps all others', async () => {
    await database.query(`create table iot_rollup_1m (
      time timestamptz not null, tenant_id text not null, project_id text not null, device_id text not null,
      metric text not null, count bigint, sum numeric(6, 2), sum_squares numeric, min float8, max float8, first float8,
      first_time timestamptz, first_offset bigint, last float8, last_time timestamptz, last_offset bigint,
      unique (tenant_id, project_id, device_id, metric, time))`)
    const sink = open({ windows: [{ name: '1m', retentionDays: 0 }] })
    const records = [1, 2, 100_000, 4].map((t, offset) => record(0, offset, { t, at: at(Date.now()) }))
    const { rejected } = await sink.write({ way: 'range', range: range(0, 0, 4), records })
    assert.deepEqual(
      rejected.map(({ record, reason }) => [record, reason.code]),
      [[records[2], '22003']],
    )
    const rows = await database.query(`select sum(sum)::float8 as sum from iot_rollup_1m`)
    assert.deepEqual(rows, [{ sum: 7 }])
  })
})
