/** Without TimescaleDB, so on a server of our own, which does not have it. */
import assert from 'node:assert/strict'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { Arrivals } from '../../src/postgres/table/arrivals'
import { readColumns } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import { partitionName } from '../../src/postgres/table/partitions'
import { dropOutdated } from '../../src/postgres/table/retention'
import { markPutOff } from '../../src/postgres/table/partition-statements'
import type { WireRecord } from '../../src/wire/message'
import { auditLines } from '../support/audit'
import { createDatabaseAt, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'
import { dropOutdatedLater, openDatabase, range, record, recordAt, TABLE } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

const DAY_MS = 86_400_000
const today = Math.floor(Date.now() / DAY_MS)

describe('the daily partitions of the PostgreSQL sink', () => {
  let server: OwnPostgres
  let database: TestDatabase
  let connection: Database
  before(async () => {
    server = await startOwnPostgres()
  })
  after(() => server.stop())
  const open = databaseForEachTest(
    (made) => ({ database, connection } = made),
    () => createDatabaseAt(server.address),
  )

  /** A client reads the table in a transaction that stays open. @returns how it is ended */
  async function readOn(): Promise<() => Promise<void>> {
    const reader = openDatabase(database.url)
    let finish = (): void => undefined
    const reading = reader.transaction('reading', async (client) => {
      await client.query('select count(*) from iot_messages')
      await new Promise<void>((resolve) => (finish = resolve))
    })
    await until('a client reads', async () => {
      const locks = await database.query(`select from pg_locks where relation = 'iot_messages'::regclass`)
      return locks.length > 0
    })
    return async () => {
      finish()
      await reading
      await reader.close(0)
    }
  }
  const letters = (): Promise<{ code: string; o: number; reason: string }[]> =>
    database.query('select code, kafka_offset::int as o, reason from iot_dead_letters order by kafka_offset')
  /** Rows and dead letters as the ledger has counted them, and what it misses. */
  const audit = async (): Promise<unknown[]> =>
    (await auditLines((text) => database.query(text))).map(({ rows, deadLetters, unaccounted }) => [
      rows,
      deadLetters,
      unaccounted,
    ])

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
    const batch = [
      recordAt(0, (today - 2) * DAY_MS),
      recordAt(1, (today - 30) * DAY_MS),
      recordAt(2, Date.now()),
    ]
    await open({ retentionDays: 0 }).write({ way: 'range', range: range(0, 3), records: batch })
    const names = await partitions()
    assert.ok(names.includes(partitionName(TABLE, today - 2)))
    assert.ok(names.includes(partitionName(TABLE, today - 30)))
  })

  it('takes a row from outside of its days only under a good time of reception: no partition is created for it', async () => {
    const batch = [
      recordAt(0, 0),
      { ...recordAt(1, 0), receivedAt: (today - 1) * DAY_MS },
      recordAt(2, Date.now() + 90 * DAY_MS),
      { ...recordAt(3, 0), receivedAt: DAY_MS },
    ]
    const { rows, rejected } = await open().write({ way: 'range', range: range(0, 4), records: batch })
    assert.deepEqual(
      rejected.map(({ record, reason }) => [record.kafka?.offset, reason.code]),
      [0, 2, 3].map((offset) => [offset, 'TIME_INVALID']),
    )
    assert.equal(rows, 1)
    const stored = await database.query<{ o: number; d: number }>(
      'select kafka_offset::int as o, floor(extract(epoch from time) / 86400)::int - $1::int as d from iot_messages',
      [today],
    )
    assert.deepEqual(stored, [{ o: 1, d: -1 }])
    assert.equal((await partitions()).length, 9)
  })

  it('gets back a partition that was dropped', async () => {
    const sink = open()
    await sink.write({ way: 'range', range: range(0, 1), records: [record(0)] })
    await database.query(`drop table ${partitionName(TABLE, today)}`)
    const { rows } = await sink.write({ way: 'range', range: range(1, 2), records: [record(1)] })
    assert.equal(rows, 1)
  })

  // ---- retention ---------------------------------------------------------------------------------------

  it('loses the partitions that are older than the retention, and only these', async () => {
    const batch = [
      recordAt(0, (today - 5) * DAY_MS),
      recordAt(1, (today - 3) * DAY_MS),
      recordAt(2, Date.now()),
    ]
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 3), records: batch })
    await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 })
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
    await sink.write({ way: 'range', range: range(0, 1), records: [recordAt(0, (today - 5) * DAY_MS)] })
    const finish = await readOn()
    const first = dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 })
    await assert.rejects(first, { sqlState: '57014', kind: 'transient' })
    await finish()
    await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 })
    assert.ok(!(await partitions()).some((name) => name.startsWith(partitionName(TABLE, today - 5))))
    assert.deepEqual(await database.query('select 1 from iot_messages'), [])
  })

  it('finishes a detach that was interrupted before it begins with another day, also an older one', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [recordAt(0, (today - 5) * DAY_MS)] })
    const finish = await readOn()
    await assert.rejects(dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 }))
    await finish()
    await sink.write({ way: 'range', range: range(1, 2), records: [recordAt(1, (today - 9) * DAY_MS)] })
    assert.equal(await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 }), 2)
    assert.equal((await partitions()).length, 8)
  })

  it('keeps a partition that an operator has detached to keep it', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [recordAt(0, (today - 5) * DAY_MS)] })
    const kept = partitionName(TABLE, today - 5)
    await database.query(`alter table iot_messages detach partition ${kept}`)
    await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 })
    assert.equal((await database.query(`select 1 from ${kept}`)).length, 1)
  })

  // ---- clocks ------------------------------------------------------------------------------------------

  const daily = (from: number, to: number): WireRecord[] =>
    Array.from({ length: to - from + 1 }, (_, index) => recordAt(index, (today + from + index) * DAY_MS))
  const storedRows = async (): Promise<number> => (await database.query('select from iot_messages')).length

  for (const daysAhead of [1, 4, 4000]) {
    it(`drops nothing while the clock here is ${daysAhead} days ahead of PostgreSQL's, and stores what comes`, async () => {
      const sink = open({ retentionDays: 0 })
      await sink.write({ way: 'range', range: range(0, 4), records: daily(-3, 0) })
      const realNow = Date.now
      Date.now = () => realNow() + daysAhead * DAY_MS
      try {
        const retention = { table: TABLE, layout: 'by day', days: 3 } as const
        const { count, problem } = await dropOutdated(connection, retention, new Arrivals())
        assert.deepEqual([count, problem?.code], [0, 'CHECK_CLOCK'])
        const again = open({ retentionDays: 3 })
        const now = recordAt(4, realNow())
        const { rows, rejected } = await again.write({ way: 'range', range: range(4, 5), records: [now] })
        assert.deepEqual([rows, rejected], [1, []])
      } finally {
        Date.now = realNow
      }
      assert.equal(await storedRows(), 5)
    })
  }

  it('waits, also over a restart, for as long as rows are kept before it drops what ends longer before now', async () => {
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 4), records: daily(-9, -6) })
    const retention = { table: TABLE, layout: 'by day', days: 3 } as const
    const drop = (): ReturnType<typeof dropOutdated> => dropOutdated(connection, retention, new Arrivals())
    const { problem } = await drop()
    assert.match(String(problem?.message), /no rows between .* Check the clock/)
    assert.equal((await drop()).count, 0)
    assert.equal(await storedRows(), 4)
    for (let day = today - 9; day < today - 5; day++) {
      const partition = { ...TABLE, table: partitionName(TABLE, day) }
      await connection.withClient('days later', (client) =>
        markPutOff(client, partition, Date.now() - 3 * DAY_MS),
      )
    }
    assert.deepEqual(await drop(), { count: 4, problem: undefined })
    assert.equal(await storedRows(), 0)
  })

  // ---- late rows ---------------------------------------------------------------------------------------

  it('takes no row that the retention would drop: it is a dead letter that says so, the others are stored', async () => {
    const batch = [
      recordAt(0, (today - 3) * DAY_MS - 1),
      recordAt(1, (today - 3) * DAY_MS),
      recordAt(2, Date.now()),
    ]
    const sink = open({ retentionDays: 3 })
    const { rows, rejected } = await sink.write({ way: 'range', range: range(0, 3), records: batch })
    assert.deepEqual([rows, rejected.length], [2, 1])
    const [letter] = await letters()
    assert.deepEqual([letter?.code, letter?.o], ['TIME_OUTDATED', 0])
    assert.match(String(letter?.reason), /older than the 3 days that the table keeps.*longer "Keep rows"/)
    assert.ok(!(await partitions()).includes(partitionName(TABLE, today - 4)))
    assert.equal(await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 3 }), 0)
    assert.deepEqual(await audit(), [[2, 1, 0]])
  })

  it('does not stop for a long batch that is late as a whole, of several tenants', async () => {
    const batch = Array.from({ length: 150 }, (_, offset) => recordAt(offset, (today - 7) * DAY_MS))
    const sink = open({ retentionDays: 3 })
    const { rows } = await sink.write({ way: 'range', range: range(0, 150), records: batch })
    assert.deepEqual([rows, sink.problem, (await letters()).length], [0, undefined, 150])
    assert.deepEqual(await audit(), [[0, 150, 0]])
  })

  it('sends late rows to the output where dead letters go there', async () => {
    const delivered: string[] = []
    const sink = open({
      retentionDays: 3,
      deadLetters: undefined,
      deliverRejected: (rejected) => {
        delivered.push(...rejected.map(({ reason }) => reason.code))
        return Promise.resolve()
      },
    })
    const batch = [recordAt(0, (today - 7) * DAY_MS), recordAt(1, Date.now())]
    const { rows } = await sink.write({ way: 'range', range: range(0, 2), records: batch })
    assert.deepEqual([rows, delivered], [1, ['TIME_OUTDATED']])
    assert.deepEqual(await audit(), [[1, 1, 0]])
  })

  it('works beside a partition that is half detached while a client still reads it', async () => {
    const sink = open({ retentionDays: 0 })
    const late = (today - 5) * DAY_MS
    await sink.write({ way: 'range', range: range(0, 1), records: [recordAt(0, late)] })
    const finish = await readOn()
    const half = partitionName(TABLE, today - 5)
    await assert.rejects(
      connection.withClient('detaching', async (client) => {
        await client.query(`set lock_timeout = 300`)
        await client.query(`alter table iot_messages detach partition ${half} concurrently`)
      }),
    )
    const [{ pending } = { pending: undefined }] = await database.query<{ pending: boolean }>(
      `select inhdetachpending as pending from pg_inherits where inhrelid = '${half}'::regclass`,
    )
    assert.equal(pending, true)
    const batch = [recordAt(1, late), recordAt(2, Date.now()), recordAt(3, (today - 6) * DAY_MS)]
    const { rows } = await sink.write({ way: 'range', range: range(1, 4), records: batch })
    assert.deepEqual([rows, sink.problem], [2, undefined])
    const [letter, ...more] = await letters()
    assert.deepEqual([letter?.code, letter?.o, more], ['NO_PARTITION', 1, []])
    assert.match(String(letter?.reason), /is half detached; finish that \(alter table .* finalize\)/)
    assert.deepEqual(await audit(), [[3, 1, 0]])
    await finish()
  })

  it('works beside a partition that an operator has detached to keep it, and uses it again when it is back', async () => {
    const late = (today - 5) * DAY_MS
    const sink = open({ retentionDays: 0 })
    await sink.write({ way: 'range', range: range(0, 1), records: [recordAt(0, late)] })
    const kept = partitionName(TABLE, today - 5)
    await database.query(`alter table iot_messages detach partition ${kept}`)
    // Of several tenants, and enough that another fault of all of them would be the table's.
    const batch = Array.from({ length: 150 }, (_, index) => recordAt(1 + index, late))
    const { rows } = await sink.write({ way: 'range', range: range(1, 151), records: batch })
    assert.deepEqual([rows, sink.problem], [0, undefined])
    const [letter] = await letters()
    assert.equal(letter?.code, 'NO_PARTITION')
    assert.match(String(letter?.reason), /is no partition of it.*attach it again or give it another name/)
    assert.equal((await database.query(`select 1 from ${kept}`)).length, 1)
    const [from, to] = [today - 5, today - 4].map((n) => new Date(n * DAY_MS).toISOString())
    await database.query(
      `alter table iot_messages attach partition ${kept} for values from ('${from}') to ('${to}')`,
    )
    const again = await sink.write({ way: 'range', range: range(151, 152), records: [recordAt(151, late)] })
    assert.equal(again.rows, 1)
    assert.deepEqual(await audit(), [[2, 150, 0]])
  })

  it('waits, and writes nothing off, while the partition of today is out of the table', async () => {
    const sink = open()
    await sink.write({ way: 'range', range: range(0, 1), records: [record(0)] })
    const now = partitionName(TABLE, today)
    await database.query(`alter table iot_messages detach partition ${now}`)
    const written = sink.write({ way: 'range', range: range(1, 2), records: [record(1)] })
    await until('the sink shows it', () => sink.problem !== undefined)
    assert.equal(sink.problem?.statusText, 'PostgreSQL: a detached partition is in the way')
    await database.query(`alter table ${now} rename to kept`)
    assert.equal((await written).rows, 1)
    assert.deepEqual(await letters(), [])
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
