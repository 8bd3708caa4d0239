/**
 * Chunks, compression and retention by TimescaleDB: on the server that `DATABASE_URL` names when it offers
 * TimescaleDB. Elsewhere the same settings must have no effect; the run says which of the two it has tested.
 */
import assert from 'node:assert/strict'
import { readColumns } from '../../src/postgres/rows/columns'
import { losesRowsAfterConflict } from '../../src/postgres/table/conflict-loss'
import type { Database } from '../../src/postgres/connect/database'
import { listOutdatedParts } from '../../src/postgres/table/outdated-parts'
import { listOwnTables, OURS } from '../../src/postgres/table/table-statements'
import { KEY, TABLE_COLUMNS } from '../../src/postgres/rollup/upsert-columns'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openRollup } from '../support/rollup'
import {
  dropOutdatedLater,
  openDatabase,
  openSink,
  range,
  record,
  TABLE,
  type SinkChange,
} from '../support/sink'
import { pretendHypertable, pretendTimescale } from '../support/timescale'
import { until } from '../support/until'

const DAY_MS = 86_400_000
const COLUMNS = `[{"column": "time", "from": "time"}, {"column": "tenant_id", "from": "tenant"},
  {"column": "payload", "from": "payload"}]`

describe('the settings for TimescaleDB', () => {
  let database: TestDatabase
  let connection: Database
  let sinks: TableSink[]
  let offered: boolean
  let losesByKey: boolean
  before(async () => {
    const server = await createTestDatabase()
    const [found] = await server.query<{ version: string }>(
      `select default_version as version from pg_available_extensions where name = 'timescaledb'`,
    )
    await server.drop()
    offered = found !== undefined
    losesByKey = offered && losesRowsAfterConflict(found?.version ?? '')
    console.log(
      offered
        ? `    tested with TimescaleDB ${found?.version}: hypertables`
        : '    tested without TimescaleDB: daily partitions, on which these settings have no effect',
    )
  })
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

  const at = (offset: number, daysAgo: number): ReturnType<typeof record> => {
    const timestamp = Date.now() - daysAgo * DAY_MS
    return record(offset, { kafka: { topic: 'iot-messages', partition: 0, offset, timestamp, headers: {} } })
  }
  /** Opens a sink, as a deploy does, and writes a row of today, of 5 and of 9 days ago. */
  async function deploy(change: SinkChange): Promise<TableSink> {
    const sink = openSink(connection, { retentionDays: 30, ...change })
    sinks.push(sink)
    const first = 3 * sinks.length
    const batch = [at(first, 9), at(first + 1, 5), at(first + 2, 0)]
    await sink.write({ way: 'range', range: range(first, first + 3), records: batch })
    return sink
  }
  const policies = (): Promise<Record<string, unknown>[]> =>
    database.query(`select proc_name as job, config - 'hypertable_id' as config from timescaledb_information.jobs
                     where hypertable_name = 'iot_messages' order by 1`)
  const chunkHours = async (): Promise<number[]> =>
    (
      await database.query<{ hours: number }>(
        `select distinct (extract(epoch from range_end - range_start) / 3600)::int as hours
           from timescaledb_information.chunks where hypertable_name = 'iot_messages' order by 1`,
      )
    ).map(({ hours }) => hours)
  const storedRows = async (): Promise<number> => (await database.query('select from iot_messages')).length
  /** Without TimescaleDB, whatever the settings. */
  async function assertDaily(): Promise<void> {
    const partitions = await database.query(
      `select from pg_inherits where inhparent = 'iot_messages'::regclass`,
    )
    assert.equal(partitions.length, 8 + 2)
  }

  it('cut the table from its first chunk on', async () => {
    await deploy({ hypertable: { chunkHours: 6, compressAfterDays: 0 } })
    if (!offered) return assertDaily()
    assert.deepEqual(await chunkHours(), [6])
  })

  it('have no effect for a role that may not switch TimescaleDB on: partitions for each day then', async () => {
    const role = `role_${new URL(database.url).pathname.slice(1)}`
    await database.query(`create role ${role} login password 'p'`)
    await database.query(`grant create on schema public to ${role}`)
    const url = new URL(database.url)
    Object.assign(url, { username: role, password: 'p' })
    await connection.close(0)
    connection = openDatabase(url.href)
    await deploy({ hypertable: { chunkHours: 6, compressAfterDays: 2 } })
    await assertDaily()
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  })

  it('cut new chunks when they are changed', async () => {
    await deploy({})
    await deploy({ hypertable: { chunkHours: 2, compressAfterDays: 0 } })
    if (!offered) return assertDaily()
    const [dimension] = await database.query(
      `select time_interval::text as length from timescaledb_information.dimensions`,
    )
    assert.deepEqual([await chunkHours(), dimension], [[24], { length: '02:00:00' }])
  })

  it('are policies of TimescaleDB, which follow a deploy and can be removed', async () => {
    await deploy({ retentionDays: 14, hypertable: { chunkHours: 24, compressAfterDays: 2 } })
    if (!offered) return assertDaily()
    assert.deepEqual(await policies(), [
      { job: 'policy_compression', config: { compress_after: '2 days' } },
      { job: 'policy_retention', config: { drop_after: '14 days' } },
    ])
    await deploy({ retentionDays: 30, hypertable: { chunkHours: 24, compressAfterDays: 2 } })
    assert.deepEqual(await policies(), [
      { job: 'policy_compression', config: { compress_after: '2 days' } },
      { job: 'policy_retention', config: { drop_after: '30 days' } },
    ])
    await deploy({ retentionDays: 0 })
    assert.deepEqual(await policies(), [])
  })

  it('compress by tenant, and late rows still come in', async () => {
    await deploy({ retentionDays: 0, hypertable: { chunkHours: 24, compressAfterDays: 2 } })
    if (!offered) return assertDaily()
    await database.query(
      `select compress_chunk(chunk) from show_chunks('iot_messages', older_than => interval '2 days') as chunk`,
    )
    await deploy({ retentionDays: 0, hypertable: { chunkHours: 24, compressAfterDays: 2 } })
    const compressed = await database.query(
      `select from timescaledb_information.chunks where hypertable_name = 'iot_messages' and is_compressed`,
    )
    const [segment] = await database.query(
      `select attname as name from timescaledb_information.compression_settings where segmentby_column_index = 1`,
    )
    assert.deepEqual([compressed.length, segment, await storedRows()], [2, { name: 'tenant_id' }, 6])
  })

  it('compress a table with a key as well, which still leaves out what comes twice', async () => {
    const hypertable = { chunkHours: 24, compressAfterDays: 2 }
    const sink = openSink(connection, { exactlyOnce: 'key', retentionDays: 0, hypertable })
    sinks.push(sink)
    const old = at(0, 5)
    const first = sink.write({ way: 'records', records: [old] })
    if (losesByKey) {
      first.catch(() => undefined)
      return until('the sink refuses it', () => /loses rows by key/.test(sink.problem?.statusText ?? ''))
    }
    await first
    if (offered) await database.query(`select compress_chunk(show_chunks('iot_messages'))`)
    await sink.write({ way: 'records', records: [old, at(1, 5)] })
    assert.equal(await storedRows(), 2)
  })

  // ---- readers: the server says that it has TimescaleDB, so what we decide shows also where it has none --------

  async function withReader(
    test: (reader: { role: string; tenantColumn: string }) => Promise<void>,
  ): Promise<void> {
    const role = `reader_${new URL(database.url).pathname.slice(1)}`
    await database.query(`create role ${role}`)
    try {
      await test({ role, tenantColumn: 'tenant_id' })
    } finally {
      await database.query(`drop owned by ${role}`)
      await database.query(`drop role ${role}`)
    }
  }

  it("create no hypertable with a readers' role, whose chunks it could read: partitions for each day", () =>
    withReader(async (reader) => {
      if (!offered) await pretendTimescale(database, '2.28.3')
      await deploy({ reader })
      await assertDaily()
    }))

  it("refuse a readers' role for a hypertable that is there, and say how to repair it", () =>
    withReader(async (reader) => {
      const table = 'create table iot_messages (time timestamptz, tenant_id text, payload jsonb)'
      if (offered) await deploy({})
      else await pretendHypertable(database, { generation: 'without a trigger', version: '2.28.3', table })
      const sink = openSink(connection, { reader, columns: readColumns(COLUMNS, 'jsonb') })
      sinks.push(sink)
      sink.start()
      await until('the sink refuses it', () => sink.problem !== undefined)
      assert.equal(sink.problem?.statusText, "PostgreSQL: no hypertable with a readers' role")
      assert.match(sink.problem.message, /Give the sink the name of a new table.*revoke select on/)
      const [granted] = await database.query('select has_table_privilege($1, $2, $3) as may', [
        reader.role,
        'iot_messages',
        'select',
      ])
      assert.deepEqual(granted, { may: false })
    }))

  // ---- the catalogue, as it looks before and after 2.23; on a server that has no TimescaleDB ------------------------

  const OURS_CUT = `create table iot_messages (time timestamptz, tenant_id text, payload jsonb);
    comment on table iot_messages is '${OURS}'`
  const columns = readColumns(COLUMNS, 'jsonb')

  for (const generation of ['with its trigger', 'without a trigger'] as const) {
    const pretend = (version: string): Promise<void> =>
      pretendHypertable(database, { generation, version, table: OURS_CUT })

    it(`reach a hypertable ${generation}: policies, bounds and retention`, async function () {
      if (offered) return
      await pretend('2.28.3')
      const hypertable = { chunkHours: 6, compressAfterDays: 0 }
      await deploy({ columns, retentionDays: 3, hypertable })
      assert.deepEqual(await policies(), [{ job: 'policy_retention', config: { drop_after: '3 days' } }])
      const [dimension] = await database.query(
        `select time_interval::text as length from timescaledb_information.dimensions`,
      )
      assert.deepEqual(dimension, { length: '06:00:00' })
      assert.equal(await storedRows(), 1)
      const letters = await database.query('select code from iot_dead_letters')
      assert.deepEqual(letters, [{ code: 'TIME_OUTDATED' }, { code: 'TIME_OUTDATED' }])
      assert.equal(await dropOutdatedLater(connection, { table: TABLE, layout: 'hypertable', days: 3 }), 1)
      assert.deepEqual(await database.query('select call from calls'), [
        { call: String((3 * DAY_MS) / 1000) },
      ])
    })

    it(`reach a hypertable ${generation} of each tenant`, async function () {
      if (offered) return
      await pretend('2.28.3')
      const found = await connection.withClient('looking', (client) => listOwnTables(client, 'iot_messages'))
      assert.deepEqual(found, [{ schema: 'public', partitioned: false, hypertable: true }])
    })

    it(`refuse to write by key to a hypertable ${generation} in a version that loses rows so`, async function () {
      if (offered) return
      await pretend('2.18.0')
      await database.query('create unique index on iot_messages (tenant_id, time)')
      const key = ['tenant_id', 'time']
      const sink = openSink(connection, { columns, exactlyOnce: 'key', key, retentionDays: 0 })
      sinks.push(sink)
      const written = sink.write({ way: 'records', records: [at(0, 0)] })
      await until('the sink refuses it', () => sink.problem !== undefined)
      assert.equal(sink.problem?.statusText, 'PostgreSQL: TimescaleDB 2.18.0 loses rows by key')
      assert.match(
        sink.problem.message,
        /Install 2\.18\.1 or newer.*or let a tenant postgres sink write by ledger/,
      )
      assert.equal(await storedRows(), 0)
      await database.query(
        `set allow_system_table_mods = on; update pg_extension set extversion = '2.18.1' where oid = 1`,
      )
      assert.equal((await written).rows, 1)
    })
  }

  // ---- the tables of a roll-up ------------------------------------------------------------------------------------------

  /** Rolls up a record of today and one of twenty days ago, in windows of an hour. */
  async function rollUp(retentionDays: number): Promise<TableSink> {
    const windows = [{ name: '1h' as const, retentionDays }]
    const rollup = openRollup(connection, { windows, timeProperty: undefined })
    sinks.push(rollup)
    const first = 2 * sinks.length
    const records = [at(first, 20), at(first + 1, 0)].map((one) => ({ ...one, payload: '{"t": 1}' }))
    await rollup.write({ way: 'range', range: range(first, first + 2), records })
    return rollup
  }
  const rollupPolicies = (): Promise<object[]> =>
    database.query(`select config - 'hypertable_id' as config from timescaledb_information.jobs
                     where hypertable_name = 'iot_rollup_1h'`)
  const chunkLength = (): Promise<object[]> =>
    database.query(`select (extract(epoch from time_interval) / 86400)::int as days
                      from timescaledb_information.dimensions where hypertable_name = 'iot_rollup_1h'`)

  it('have chunks that suit the length of the windows of a roll-up, and its retention', async () => {
    await rollUp(30)
    if (!offered) {
      const days = await database.query(`select from pg_inherits where inhparent = 'iot_rollup_1h'::regclass`)
      assert.ok(days.length > 2, `${days.length} partitions`)
      return
    }
    assert.deepEqual(await chunkLength(), [{ days: 7 }])
    await until('the policy is there', async () => (await rollupPolicies()).length > 0)
    assert.deepEqual(await rollupPolicies(), [{ config: { drop_after: '30 days' } }])
  })

  it('reach a hypertable of a roll-up: policies, bounds and retention', async function () {
    if (offered) return
    const table = `create table iot_rollup_1h (${TABLE_COLUMNS.map(({ name, type }) => `${name} ${type}`).join(', ')},
        unique (${KEY.join(', ')}));
      comment on table iot_rollup_1h is '${OURS}'`
    const generation = 'without a trigger'
    await pretendHypertable(database, { generation, version: '2.28.3', table, name: 'iot_rollup_1h' })
    await rollUp(3)
    await until('the policy is there', async () => (await rollupPolicies()).length > 0)
    assert.deepEqual(await rollupPolicies(), [{ config: { drop_after: '3 days' } }])
    assert.deepEqual(await chunkLength(), [{ days: 7 }])
    assert.equal((await database.query('select from iot_rollup_1h')).length, 1)
    assert.deepEqual(await database.query('select code from iot_dead_letters'), [{ code: 'TIME_OUTDATED' }])
    await rollUp(0)
    await until('the policy is gone', async () => (await rollupPolicies()).length === 0)
    const late = await database.query(`select from iot_rollup_1h where time < now() - interval '10 days'`)
    assert.equal(late.length, 1)
  })

  it('drop nothing in a dry run, and drop just that afterwards', async () => {
    await deploy({ retentionDays: 0 })
    await database.query('analyze iot_messages')
    const retention = { table: TABLE, layout: offered ? 'hypertable' : 'by day', days: 7 } as const
    const [part, ...more] = await listOutdatedParts(connection, retention)
    assert.ok(part)
    assert.deepEqual(more, [])
    const nineDaysAgo = Date.now() - 9 * DAY_MS
    assert.ok(part.from.getTime() <= nineDaysAgo && part.to.getTime() > nineDaysAgo)
    assert.equal(part.to.getTime() - part.from.getTime(), DAY_MS)
    assert.equal(part.rows, 1)
    assert.ok(part.bytes > 8000)
    assert.equal(await storedRows(), 3)
    assert.equal(await dropOutdatedLater(connection, retention), 1)
    assert.equal(await storedRows(), 2)
    assert.deepEqual(await listOutdatedParts(connection, retention), [])
  })
})
