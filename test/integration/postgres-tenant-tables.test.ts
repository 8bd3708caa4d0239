import assert from 'node:assert/strict'
import type { Database } from '../../src/postgres/connect/database'
import { TableMaintenance } from '../../src/postgres/table/maintenance'
import { DailyPartitions, partitionName } from '../../src/postgres/table/partitions'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { markPutOff } from '../../src/postgres/table/partition-statements'
import { SinkStatus } from '../../src/postgres/sink/sink-status'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { SchemaTemplate } from '../../src/postgres/tenants/tenant-schema'
import type { WireRecord } from '../../src/wire/message'
import { keptLog } from '../support/events'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record, records, TABLE, type SinkChange } from '../support/sink'
import { shownInEnglish } from '../support/statuses'
import { until } from '../support/until'

const DAY_MS = 86_400_000
const today = Math.floor(Date.now() / DAY_MS)

describe('a table for each tenant', () => {
  let database: TestDatabase
  let connections: Database[]
  let sinks: TableSink[]
  beforeEach(async () => {
    database = await createTestDatabase()
    connections = []
    sinks = []
  })
  afterEach(async () => {
    await Promise.all(sinks.map((sink) => sink.close(0)))
    await Promise.all(connections.map((connection) => connection.close(0)))
    await database.drop()
  })

  function open(change: SinkChange = {}, url = database.url): TableSink {
    const connection = openDatabase(url)
    connections.push(connection)
    const sink = openSink(connection, { tenantSchemas: new SchemaTemplate('tenant_{tenant}'), ...change })
    sinks.push(sink)
    return sink
  }
  /** Writes the records of the offsets `from` up to `to`, of the tenants t0, t1 and t2 in turn. */
  const write = (sink: TableSink, from: number, to: number, partition = 0): ReturnType<TableSink['write']> =>
    sink.write({ way: 'range', range: range(from, to, partition), records: records(from, to) })
  const offsets = async (tenant: string): Promise<number[]> =>
    (
      await database.query<{ o: string }>(
        `select kafka_offset as o from "tenant_${tenant}".iot_messages order by kafka_offset`,
      )
    ).map(({ o }) => Number(o))
  const letters = (): Promise<{ code: string; o: number }[]> =>
    database.query('select code, kafka_offset::int as o from iot_dead_letters order by kafka_offset')
  /** A record of a tenant whose Kafka topic has only its records. */
  const alone = (sink: TableSink, tenant: string, offset: number): ReturnType<TableSink['write']> => {
    const one: WireRecord = { ...record(offset), tenant }
    return sink.write({
      way: 'range',
      range: { ...range(offset, offset + 1), topic: tenant },
      records: [one],
    })
  }

  it('is created in a schema of its own; ledger and dead letters stay where they are', async () => {
    const sink = open()
    const batch = [...records(0, 6), record(6, { payload: Buffer.from('{') })]
    const written = await sink.write({ way: 'range', range: range(0, 7), records: batch })
    assert.deepEqual([written.rows, written.rejected.length], [6, 1])
    assert.deepEqual(
      [await offsets('t0'), await offsets('t1'), await offsets('t2')],
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
    )
    assert.deepEqual(await letters(), [{ code: 'JSON_INVALID', o: 6 }])
    assert.equal((await database.query('select 1 from iot_ledger where next_offset = 7')).length, 1)
    assert.deepEqual(await database.query(`select to_regclass('public.iot_messages') as t`), [{ t: null }])
  })

  it('decides which payloads it takes, whatever the dialog says, also after those of others were refused', async () => {
    for (const [tenant, type] of [
      ['t0', 'text'],
      ['t1', 'bytea'],
    ])
      await database.query(`create schema tenant_${tenant};
        create table tenant_${tenant}.iot_messages (time timestamptz, payload ${type}, kafka_offset bigint)`)
    const columns = [
      { name: 'time', source: { kind: 'time' }, type: 'timestamptz not null' },
      { name: 'payload', source: { kind: 'payload' }, type: 'jsonb' },
      { name: 'kafka_offset', source: { kind: 'property', path: ['kafka', 'offset'] }, type: 'bigint' },
    ] as const
    const sink = open({ columns })
    const payload = Buffer.from('no JSON')
    for (const from of [0, 3, 6]) {
      const batch = [0, 1, 2].map((at) => record(from + at, { payload }))
      await sink.write({ way: 'range', range: range(from, from + 3), records: batch })
    }
    assert.deepEqual(
      [await offsets('t0'), await offsets('t1')],
      [
        [0, 3, 6],
        [1, 4, 7],
      ],
    )
    assert.deepEqual(
      await letters(),
      [2, 5, 8].map((o) => ({ code: 'JSON_INVALID', o })),
    )
  })

  it('is written exactly once, also when a batch comes again in part', async () => {
    const sink = open()
    await write(sink, 0, 6)
    await write(sink, 3, 9)
    assert.deepEqual(await offsets('t0'), [0, 3, 6])
  })

  it('cannot be had by a tenant of whose name there can be no schema: its records are dead letters', async () => {
    const tenants = ['a', 'A', 'a.b', 'x'.repeat(60), '"; drop schema public', undefined]
    const batch = tenants.map((tenant, offset) => ({ ...record(offset), tenant }))
    const written = await open().write({ way: 'range', range: range(0, 6), records: batch as WireRecord[] })
    assert.equal(written.rows, 2)
    assert.deepEqual([await offsets('a'), await offsets('A')], [[0], [1]])
    assert.deepEqual(
      await letters(),
      [2, 3, 4, 5].map((o) => ({ code: 'TENANT_INVALID', o })),
    )
  })

  it('may not be in the schema of the ledger or of the dead letters', async () => {
    const sink = open({ tenantSchemas: new SchemaTemplate('pub{tenant}') })
    const batch = ['lic', 't1'].map((tenant, offset) => ({ ...record(offset), tenant }))
    const written = await sink.write({ way: 'range', range: range(0, 2), records: batch })
    assert.deepEqual(
      written.rejected.map(({ reason }) => reason.code),
      ['TENANT_INVALID'],
    )
  })

  it('is created once by two Node-REDs at the same time', async () => {
    const [one, other] = [open(), open({ ledgerName: 'sink2' })]
    await Promise.all([write(one, 0, 30), write(other, 0, 30)])
    assert.equal((await offsets('t0')).length, 20)
  })

  it('is created also when another client creates its schema at the same time', async () => {
    const another = openDatabase(database.url)
    let finish = (): void => undefined
    const making = another.transaction('making a schema', async (client) => {
      await client.query('create schema tenant_t1')
      await new Promise<void>((resolve) => (finish = resolve))
    })
    const problems: unknown[] = []
    const sink: TableSink = open({ onChange: () => problems.push(...[sink.problem ?? []].flat()) })
    const written = write(sink, 0, 3)
    await until('the sink waits for the other', async () => {
      const waiting = await database.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )
      return waiting.length > 0
    })
    finish()
    await making
    await another.close(0)
    assert.equal((await written).rows, 3)
    assert.deepEqual([problems, sink.tenantProblems.size], [[], 0])
  })

  /** What ends a day or more before now is dropped a day later: `drop-guard.ts`. */
  const putOffLongAgo = (schema: string, table: string): Promise<void> =>
    connections[0]!.withClient('waiting long enough', (client) =>
      markPutOff(client, { schema, table }, Date.now() - 30 * DAY_MS),
    )

  it('loses what is older than the retention, also of a tenant that is silent', async () => {
    const kafka = { topic: 'iot-messages', partition: 0, offset: 0, headers: {} }
    const old = { ...record(0), kafka: { ...kafka, timestamp: (today - 5) * DAY_MS } }
    await open({ retentionDays: 0 }).write({ way: 'range', range: range(0, 1), records: [old] })
    await putOffLongAgo('tenant_t0', partitionName(TABLE, today - 5))
    open({ ledgerName: 'sink2' }).start()
    await until('the old partition is dropped', async () => {
      const [found] = await database.query<{ t: string | null }>('select to_regclass($1) as t', [
        `tenant_t0.${partitionName(TABLE, today - 5)}`,
      ])
      return found?.t === null
    })
  })

  it('is kept in order also while that of another tenant is broken, which is reported', async () => {
    const old = {
      topic: 'iot-messages',
      partition: 0,
      offset: 3,
      timestamp: (today - 5) * DAY_MS,
      headers: {},
    }
    const batch = [...records(0, 3), record(4, { kafka: old })]
    await open({ retentionDays: 0 }).write({ way: 'range', range: range(0, 4), records: batch })
    await database.query('drop schema tenant_t0 cascade')
    const [weekAhead, fiveDaysAgo] = [today + 7, today - 5].map((day) => partitionName(TABLE, day))
    await database.query(`drop table tenant_t1.${weekAhead}`)

    const connection = openDatabase(database.url)
    connections.push(connection)
    await putOffLongAgo('tenant_t1', String(fiveDaysAgo))
    const kept = keptLog()
    const tables = ['tenant_t0', 'tenant_t1'].map((schema) => ({ schema, table: TABLE.table }))
    const maintenance = new TableMaintenance({
      database: connection,
      columns: [],
      hypertable: { chunkHours: 24, compressAfterDays: 0 },
      watch: { clockWasSet: false, gotRowsLately: () => false, putOffAtMs: new Map<string, number>() },
      retentionDays: 3,
      events: new SinkEvents(kept.log),
      tables: () => Promise.resolve(tables.map((table) => ({ table, layout: 'by day' }))),
      partitions: () => Promise.resolve(tables.map((table) => new DailyPartitions(connection, table))),
      forgetPartitions: () => undefined,
    })
    maintenance.start()
    const isThere = async (name?: string): Promise<boolean> => {
      const sql = `select to_regclass('tenant_t1.${name}') is not null as found`
      return (await database.query<{ found: boolean }>(sql))[0]?.found === true
    }
    await until('the day to come is added', () => isThere(weekAhead))
    await until('the old day is dropped', async () => !(await isThere(fiveDaysAgo)))
    await maintenance.close()
    const reported = kept.entries.filter(({ code }) => code === 'POSTGRES_MAINTENANCE')
    assert.match(String(reported[0]?.message), /no such schema/)
  })

  // ---- a broken table ----------------------------------------------------------------------------------

  const breaks = [
    ['loses a column', 'alter table tenant_t1.iot_messages rename payload to body', /no (such )?column/],
    ['is renamed', 'alter table tenant_t1.iot_messages rename to away', /no (such )?table/],
  ] as const
  for (const [what, sql, status] of breaks) {
    it(`that ${what} does not hold up the others: its records are dead letters until it is repaired`, async () => {
      const kept = keptLog()
      const sink = open({ events: new SinkEvents(kept.log) })
      await write(sink, 0, 6)
      // Without the right to create it again.
      const strict = open({ ledgerName: 'sink2', createTable: false, events: new SinkEvents(kept.log) })
      await database.query(sql)
      const written = await strict.write({ way: 'range', range: range(6, 12), records: records(6, 12) })
      assert.deepEqual([written.rows, written.rejected.length], [4, 2])
      assert.deepEqual(
        await letters(),
        [7, 10].map((o) => ({ code: 'TENANT_TABLE', o })),
      )
      const shown = shownInEnglish(
        new SinkStatus().of({
          ...strict,
          ready: true,
          problem: undefined,
          server: undefined,
          tenantProblems: strict.tenantProblems,
        }),
      )
      assert.equal(shown.fill, 'yellow')
      assert.match(String(shown.text), /^table of t1: /)
      assert.match(String(shown.text), status)
      const away = kept.entries.find(({ code }) => code === 'TENANT_TABLE_AWAY')
      assert.equal(away?.tenant, 't1')

      await database.query(
        sql.includes('payload')
          ? 'alter table tenant_t1.iot_messages rename body to payload'
          : 'alter table tenant_t1.away rename to iot_messages',
      )
      const after = await strict.write({ way: 'range', range: range(12, 18), records: records(12, 18) })
      assert.deepEqual([after.rows, after.rejected.length], [6, 0])
      assert.deepEqual(await offsets('t1'), [1, 4, 13, 16])
      assert.equal(strict.tenantProblems.size, 0)
      assert.ok(kept.entries.some(({ code }) => code === 'TENANT_TABLE_BACK'))
    })
  }

  it('that fails like those of all others stops the sink, nothing is written off, and it resumes by itself', async () => {
    const sink = open({ createTable: false })
    await write(open({ ledgerName: 'sink2' }), 0, 3)
    // In one transaction: a sink that looks between two of them finds proof that only some fail.
    const renameAll = (from: string, to: string): Promise<unknown> =>
      database.query(
        [0, 1, 2].map((n) => `alter table tenant_t${n}.iot_messages rename ${from} to ${to}`).join('; '),
      )
    await renameAll('payload', 'body')
    const written = write(sink, 0, 150)
    await until('the sink shows it', () => sink.problem !== undefined)
    assert.match(String(sink.problem?.statusText), /no column payload/)
    assert.deepEqual(await letters(), [])
    await renameAll('body', 'payload')
    assert.deepEqual([(await written).rows, (await letters()).length], [150, 0])
  })

  it('that fails is waited for as long as nothing proves that others can be written', async () => {
    const sink = open({ createTable: false })
    const maker = open({ ledgerName: 'sink2' })
    for (const tenant of ['t0', 't1']) await alone(maker, tenant, 0)
    await database.query('alter table tenant_t1.iot_messages rename payload to body')
    const waiting = alone(sink, 't1', 1)
    await until('the sink shows it', () => sink.problem !== undefined)
    assert.deepEqual(await letters(), [])
    await alone(sink, 't0', 1)
    const { rejected } = await waiting
    assert.deepEqual(
      rejected.map(({ reason }) => reason.code),
      ['TENANT_TABLE'],
    )
    assert.deepEqual(await letters(), [{ code: 'TENANT_TABLE', o: 1 }])
  })

  it('that fails when the tenant may create no schema holds up only its records', async () => {
    await write(open(), 0, 3)
    const role = `writer_${process.pid}_${Date.now()}`
    await database.query(`create role ${role} login superuser password 'x'`)
    const url = new URL(database.url)
    ;[url.username, url.password] = [role, 'x']
    const sink = open({ ledgerName: 'sink2' }, url.href)
    await write(sink, 0, 3)
    await database.query(`alter role ${role} nosuperuser`)
    for (const schema of ['public', 'tenant_t0', 'tenant_t1', 'tenant_t2']) {
      await database.query(`grant usage on schema ${schema} to ${role}`)
      await database.query(`grant select, insert, update on all tables in schema ${schema} to ${role}`)
    }
    const batch = [...records(3, 6), { ...record(6), tenant: 'new' }]
    const { rows, rejected } = await sink.write({ way: 'range', range: range(3, 7), records: batch })
    assert.deepEqual([rows, rejected.map(({ reason }) => reason.code)], [3, ['TENANT_TABLE']])
    await sink.close(0)
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  })
})
