/** Without TimescaleDB, so on a server of our own, which does not have it. */
import assert from 'node:assert/strict'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { readColumns } from '../../src/postgres/columns'
import type { Database } from '../../src/postgres/database'
import { partitionName } from '../../src/postgres/partitions'
import { dropOutdated } from '../../src/postgres/retention'
import type { TableSink, TableSinkOptions } from '../../src/postgres/table-sink'
import { createDatabaseAt, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'
import { openDatabase, openSink, range, record, TABLE } from '../support/sink'

const DAY_MS = 86_400_000
const today = Math.floor(Date.now() / DAY_MS)

describe('the daily partitions of the PostgreSQL sink', () => {
  let server: OwnPostgres
  let database: TestDatabase
  let connection: Database
  let sinks: TableSink[]
  before(async () => {
    server = await startOwnPostgres()
  })
  after(() => server.stop())
  beforeEach(async () => {
    database = await createDatabaseAt(server.address)
    connection = openDatabase(database.url)
    sinks = []
  })
  afterEach(async () => {
    await Promise.all(sinks.map((sink) => sink.close(0)))
    await connection.close(0)
    await database.drop()
  })

  function open(change: Partial<TableSinkOptions> = {}): TableSink {
    const sink = openSink(connection, change)
    sinks.push(sink)
    return sink
  }
  const at = (offset: number, timestamp: number): ReturnType<typeof record> =>
    record(offset, { kafka: { topic: 'iot-messages', partition: 0, offset, timestamp, headers: {} } })

  const partitions = async (): Promise<string[]> =>
    (
      await database.query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits
          where inhparent = 'iot_messages'::regclass order by 1`,
      )
    ).map(({ name }) => name)

  it('has a partition for each day, a week ahead, and no default partition', async () => {
    const sink = open()
    await sink.write({ way: 'range', range: range(0, 1), records: [record(0)] })
    const days = Array.from({ length: 8 }, (_, index) => partitionName(TABLE, today + index))
    assert.deepEqual(await partitions(), days)
  })

  it('gets partitions for older days when rows of them come', async () => {
    const batch = [at(0, (today - 2) * DAY_MS), at(1, (today - 30) * DAY_MS), at(2, Date.now())]
    await open().write({ way: 'range', range: range(0, 3), records: batch })
    const names = await partitions()
    assert.ok(names.includes(partitionName(TABLE, today - 2)))
    assert.ok(names.includes(partitionName(TABLE, today - 30)))
  })

  it('takes no row from outside of its days: no partition is made for it', async () => {
    const batch = [at(0, 0), at(1, Date.now() + 90 * DAY_MS), at(2, Date.now())]
    const { rows, rejected } = await open().write({ way: 'range', range: range(0, 3), records: batch })
    assert.equal(rows, 1)
    assert.deepEqual(
      rejected.map(({ reason }) => reason.code),
      ['TIME_INVALID', 'TIME_INVALID'],
    )
    assert.equal((await partitions()).length, 8)
  })

  it('gets back a partition that somebody has dropped', async () => {
    const sink = open()
    await sink.write({ way: 'range', range: range(0, 1), records: [record(0)] })
    await database.query(`drop table ${partitionName(TABLE, today)}`)
    const { rows } = await sink.write({ way: 'range', range: range(1, 2), records: [record(1)] })
    assert.equal(rows, 1)
  })

  // ---- retention ---------------------------------------------------------------------------------------

  it('loses the partitions that are older than the retention, and only these', async () => {
    const batch = [at(0, (today - 5) * DAY_MS), at(1, (today - 3) * DAY_MS), at(2, Date.now())]
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 3), records: batch })
    await dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 })
    const rows = await database.query<{ o: string }>('select kafka_offset as o from iot_messages order by 1')
    assert.deepEqual(
      rows.map(({ o }) => Number(o)),
      [1, 2],
    )
    assert.deepEqual(await database.query('select to_regclass($1) as t', [partitionName(TABLE, today - 5)]), [
      { t: null },
    ])
  })

  it('keeps a detach that was interrupted for the next run to finish', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [at(0, (today - 5) * DAY_MS)] })
    const reader = openDatabase(database.url)
    let finish = (): void => undefined
    const reading = reader.transaction('reading', async (client) => {
      await client.query('select count(*) from iot_messages')
      await new Promise<void>((resolve) => (finish = resolve))
    })
    while (
      (await database.query(`select 1 from pg_locks where relation = 'iot_messages'::regclass`)).length === 0
    );
    const first = dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 })
    await assert.rejects(first, { sqlState: '55P03', kind: 'transient' })
    finish()
    await reading
    await reader.close(0)
    await dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 })
    assert.ok(!(await partitions()).some((name) => name.startsWith(partitionName(TABLE, today - 5))))
    assert.deepEqual(await database.query('select 1 from iot_messages'), [])
  })

  it('finishes a detach that was interrupted before it begins with another day, also an older one', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [at(0, (today - 5) * DAY_MS)] })
    const reader = openDatabase(database.url)
    let finish = (): void => undefined
    const reading = reader.transaction('reading', async (client) => {
      await client.query('select count(*) from iot_messages')
      await new Promise<void>((resolve) => (finish = resolve))
    })
    await until('somebody reads', async () => {
      const locks = await database.query(`select from pg_locks where relation = 'iot_messages'::regclass`)
      return locks.length > 0
    })
    await assert.rejects(dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 }))
    finish()
    await reading
    await reader.close(0)
    await sink.write({ way: 'range', range: range(1, 2), records: [at(1, (today - 9) * DAY_MS)] })
    assert.equal(await dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 }), 2)
    assert.equal((await partitions()).length, 8)
  })

  it('keeps a partition that somebody has detached to keep it', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [at(0, (today - 5) * DAY_MS)] })
    const kept = partitionName(TABLE, today - 5)
    await database.query(`alter table iot_messages detach partition ${kept}`)
    await dropOutdated(connection, { table: TABLE, layout: 'by day', days: 3 })
    assert.equal((await database.query(`select 1 from ${kept}`)).length, 1)
  })

  it('is never cut by day when it is not ours', async () => {
    await database.query(
      `create table iot_messages (time timestamptz, tenant_id text) partition by range (time)`,
    )
    const day = partitionName(TABLE, today - 5)
    const [from, to] = [today - 5, today - 4].map((n) => new Date(n * DAY_MS).toISOString())
    await database.query(
      `create table ${day} partition of iot_messages for values from ('${from}') to ('${to}')`,
    )
    const columns = readColumns(
      '[{"column":"time","from":"time"},{"column":"tenant_id","from":"tenant"}]',
      'jsonb',
    )
    const sink = open({ columns })
    const written = sink.write({ way: 'range', range: range(0, 1), records: [record(0)] })
    while (sink.problem === undefined) await new Promise(setImmediate)
    assert.equal(sink.problem.statusText, 'PostgreSQL: no partition for the time')
    assert.deepEqual(await partitions(), [day])
    await database.query(`create table others partition of iot_messages default`)
    assert.equal((await written).rows, 1)
  })
})
