import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { freezeProcess } from '../../dev/services/frozen'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { Database } from '../../src/postgres/connect/database'
import type { Ledger } from '../../src/postgres/ledger/ledger'
import { CONSUMER } from '../../src/postgres/ledger/position'
import type { KnownPositions, PositionSpan, SettledOffset } from '../../src/wire/positions'
import type { RowWriter } from '../../src/postgres/write/row-writer'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { cutAtCommit } from '../support/cut-at-commit'
import { createDatabaseAt, type TestDatabase } from '../support/postgres'
import {
  copyWriter,
  ledgerKey,
  ledgerOf,
  openDatabase,
  openSink,
  openWriter,
  range,
  record,
  records,
} from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'
import { until } from '../support/until'

describe('the PostgreSQL sink, exactly once by ledger', () => {
  let server: OwnPostgres
  let database: TestDatabase
  let connection: Database
  let ledger: Ledger

  before(async () => {
    server = await startOwnPostgres()
  })
  after(() => server.stop())
  databaseForEachTest(
    (made) => ({ database, connection } = made),
    () => createDatabaseAt(server.address),
  )
  beforeEach(() => {
    ledger = ledgerOf(connection)
  })

  async function offsets(): Promise<number[]> {
    const rows = await database.query<{ o: string }>('select kafka_offset as o from iot_messages order by 1')
    return rows.map(({ o }) => Number(o))
  }
  async function position(): Promise<number | undefined> {
    return (await span())?.smallest
  }
  const query = { clusterId: 'c', group: 'g', topic: 'iot-messages', partition: 0 }
  const known = (): Promise<KnownPositions> => ledger.consumers.positions(query, 1)
  const span = async (): Promise<PositionSpan | undefined> => (await known()).sinks
  const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index)

  it('writes a batch that comes again once', async () => {
    const writer = await openWriter(connection)
    const first = await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    const second = await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    assert.deepEqual([first.rows, second.rows, second.before], [10, 0, true])
    assert.deepEqual(await offsets(), upTo(10))
  })

  it('writes only the new part of a batch that overlaps the one before', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange(ledgerKey, range(5, 15), records(5, 15))
    assert.deepEqual(await offsets(), upTo(15))
  })

  it('moves the position of whatever group, cluster, topic and sink the batch is from', async () => {
    await database.query(
      `do $$ begin execute format('alter database %I set standard_conforming_strings = off', current_database()); end $$`,
    )
    const writer = await openWriter(connection)
    const key = { clusterId: `c'`, group: `g\\'; rollback; --`, topic: '"t"$1', partition: 7, sink: 'ü\\' }
    for (const from of [0, 10]) {
      const given = { ...key, firstOffset: from, nextOffset: from + 10 }
      await writer.writeRange(key, given, records(from, from + 10))
    }
    const moved = await database.query(
      'select consumer_group, cluster_id, topic, "partition", sink, next_offset from iot_ledger',
    )
    const { clusterId, group, topic, sink } = key
    const names = { consumer_group: group, cluster_id: clusterId, topic, partition: 7, sink }
    assert.deepEqual(moved, [{ ...names, next_offset: '20' }])
    assert.deepEqual(await offsets(), upTo(20))
  })

  it('continues after a gap that the flow has filtered, also a whole batch', async () => {
    ledger.sinks.register('sink1', 'sink1')
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), [record(3), record(7)])
    await writer.writeRange(ledgerKey, range(10, 20), [])
    assert.deepEqual(await offsets(), [3, 7])
    assert.equal(await position(), 20)
  })

  it('refuses an overlapping batch whose records have lost their offsets', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    const bare = [{ ...record(5), kafka: undefined as never }]
    await assert.rejects(writer.writeRange(ledgerKey, range(5, 15), bare), {
      code: 'OFFSET_MISSING',
      retryable: false,
    })
  })

  it('lets only one of two owners write, also when they write at the same time', async () => {
    const owner = await openWriter(connection)
    const zombie = await openWriter(connection)
    for (let first = 0; first < 100; first += 10) {
      const batch = records(first, first + 10)
      const written = await Promise.all([
        owner.writeRange(ledgerKey, range(first, first + 10), batch),
        zombie.writeRange(ledgerKey, range(first, first + 10), batch),
      ])
      assert.equal(written[0].rows + written[1].rows, 10)
    }
    assert.deepEqual(await offsets(), upTo(100))
  })

  it('does not take what another member has written meanwhile for commits that the database has lost', async () => {
    ledger.sinks.register('sink1', 'sink1')
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    const elsewhere = openDatabase(database.url)
    try {
      const other = await openWriter(elsewhere)
      await other.writeRange(ledgerKey, range(10, 20), records(10, 20))
    } finally {
      await elsewhere.close(0)
    }
    // The partition comes back: the consumer asks where it begins.
    assert.equal(await position(), 20)
    await writer.writeRange(ledgerKey, range(20, 30), records(20, 30))
    assert.deepEqual(await offsets(), upTo(30))
  })

  it('keeps the positions of two sinks apart, and gives the consumer both ends of what is deployed', async () => {
    ledger.sinks.register('sink1', 'sink1')
    const release = ledger.sinks.register('sink2', 'sink2')
    ledger.sinks.register('without a position', 'sink3')
    const writer = await openWriter(connection)
    assert.equal(await position(), undefined)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange({ ...ledgerKey, sink: 'sink2' }, range(0, 4), records(0, 4))
    assert.deepEqual(await span(), { smallest: 4, largest: 10 })
    release()
    assert.deepEqual(await span(), { smallest: 10, largest: 10 })
  })

  it('refuses two sinks of different tables with one name in the ledger', () => {
    ledger.sinks.register('sink1', 'a', 'public.t')
    ledger.sinks.register('sink1', 'b', 'public.t')
    assert.throws(() => ledger.sinks.register('sink1', 'c', 'public.other'), { code: 'CONFIG_INVALID' })
  })

  it('gives a sink the largest position that it had under the ids of its nodes, with its counts', async () => {
    const writer = await openWriter(connection)
    const key = { ...ledgerKey, sink: 'public.iot_messages', target: 'public.iot_messages' }
    const ledgerRows = (): Promise<object[]> =>
      database.query(
        'select sink, target, next_offset::int as next, stored_rows::int as rows from iot_ledger',
      )
    for (const [node, end] of [
      ['a', 10],
      ['b', 15],
      ['c', 12],
    ] as const) {
      await writer.writeRange({ ...ledgerKey, sink: node }, range(0, end), [])
      const written = await writer.writeRange({ ...key, formerNames: [node] }, range(0, 12), [])
      assert.equal(written.rows, 0)
    }
    assert.deepEqual(await ledgerRows(), [{ sink: key.sink, target: key.target, next: 15, rows: 0 }])
  })

  it('lets no sink of another table use the name of a position', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange({ ...ledgerKey, target: 'public.one' }, range(0, 10), records(0, 10))
    const elsewhere = openDatabase(database.url)
    try {
      const other = await openWriter(elsewhere)
      await assert.rejects(
        other.writeRange({ ...ledgerKey, target: 'public.two' }, range(0, 10), records(0, 10)),
        {
          code: 'LEDGER_TARGET',
          message:
            /writes to public\.one, and this one writes to public\.two.*Give this sink another "Name in ledger"/,
        },
      )
    } finally {
      await elsewhere.close(0)
    }
    assert.deepEqual(await offsets(), upTo(10))
  })

  it('moves the position of the consumer forward, and shows it in no audit', async () => {
    const settle = (offset: number): Promise<void> =>
      ledger.consumers.settle(query, [
        { topic: query.topic, partition: query.partition, offset, lastTimestamp: 7 },
      ])
    await openWriter(connection)
    assert.deepEqual(await known(), { settled: undefined, lastTimestamp: undefined, sinks: undefined })
    await ledger.consumers.begin(query, 5)
    await settle(20)
    await settle(10)
    await ledger.consumers.begin(query, 0)
    assert.deepEqual(await known(), { settled: 20, lastTimestamp: 7, sinks: undefined })
    assert.deepEqual(await database.query('select * from iot_ledger_audit'), [])
    await ledger.consumers.release(query, 8, 12)
    assert.deepEqual(await known(), { settled: 8, lastTimestamp: undefined, sinks: undefined })
  })

  it('moves the position of the consumer only where the database has what it had confirmed of the sinks', async () => {
    ledger.sinks.register('sink1', 'sink1')
    const rewound: string[] = []
    ledger.consumers.onRewound((_, { code }) => void rewound.push(code))
    const writer = await openWriter(connection)
    await known()
    await ledger.consumers.begin(query, 0)
    const settle = (partition: number, offset: number): SettledOffset => ({
      topic: query.topic,
      partition,
      offset,
      lastTimestamp: undefined,
    })
    await ledger.consumers.begin({ ...query, partition: 1 }, 0)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await ledger.consumers.settle(query, [settle(0, 10), settle(1, 7)])
    await writer.writeRange(ledgerKey, range(10, 20), records(10, 20))
    // The standby had not got the second commit.
    await database.query('delete from iot_messages where kafka_offset >= 10')
    await database.query(`update iot_ledger set next_offset = 10 where sink = 'sink1'`)
    await ledger.consumers.settle(query, [settle(0, 20), settle(1, 9)])
    assert.deepEqual(rewound, ['LEDGER_REWOUND'])
    assert.deepEqual(await known(), {
      settled: 10,
      lastTimestamp: undefined,
      sinks: { smallest: 10, largest: 10 },
    })
    const own = await database.query(
      `select "partition" as p, next_offset::int as next from iot_ledger where sink = $1 order by 1`,
      [CONSUMER],
    )
    assert.deepEqual(own, [
      { p: 0, next: 10 },
      { p: 1, next: 9 },
    ])
  })

  // ---- faults ------------------------------------------------------------------------------------------

  /** Writes in ten steps while `disturb` runs at a moment of its choice. */
  async function writeWhile(sink: TableSink, disturb: () => Promise<void>): Promise<void> {
    const disturbed = disturb()
    for (let first = 0; first < 2000; first += 200) {
      const batch = records(first, first + 200)
      await sink.write({ way: 'range', range: range(first, first + 200), records: batch })
    }
    await disturbed
  }

  it('waits for the disk with each COMMIT, also in a database that is set not to', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await database.query(`alter database ${name} set synchronous_commit = off`)
    const writer = await openWriter(connection)
    await database.query('create table seen (outside text, inside text)')
    await database.query(`create function see() returns trigger language plpgsql as $$ begin
      insert into seen select reset_val, setting from pg_settings where name = 'synchronous_commit';
      return null;
    end $$`)
    // Deferred: it looks when the transaction commits.
    await database.query(`create constraint trigger look after insert on iot_messages
      deferrable initially deferred for each row execute function see()`)
    await writer.writeRange(ledgerKey, range(0, 1), records(0, 1))
    assert.deepEqual(await database.query('select * from seen'), [{ outside: 'off', inside: 'on' }])
  })

  it('survives connections that are ended in the middle of transactions', async () => {
    const sink = openSink(connection)
    sink.start()
    let ended = 0
    await writeWhile(sink, async () => {
      while (ended < 5) {
        const rows = await database.query<{ n: number }>(
          `select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
            where application_name = 'tenant-pipeline' and xact_start is not null and datname = current_database()`,
        )
        ended += rows[0]?.n ?? 0
        await sleep(2)
        if (sink.counts.rows >= 2000) break
      }
    })
    await sink.close(1000)
    assert.deepEqual(await offsets(), upTo(2000))
  })

  for (const [moment, reaches] of [
    ['after COMMIT has reached the server', true],
    ['before COMMIT has reached the server', false],
  ] as const) {
    it(`learns from the ledger whether a COMMIT succeeded whose connection was lost ${moment}`, async () => {
      const writer = await openWriter(connection)
      await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
      const proxy = await cutAtCommit(database.url, reaches)
      const throughProxy = openDatabase(proxy.url)
      const disturbed = await openWriter(throughProxy, { partitions: undefined })
      proxy.cuts = 1
      const batch = records(10, 20)
      await assert.rejects(disturbed.writeRange(ledgerKey, range(10, 20), batch), { kind: 'transient' })
      const again = await disturbed.writeRange(ledgerKey, range(10, 20), batch)
      assert.equal(again.before, reaches)
      assert.deepEqual(await offsets(), upTo(20))
      await throughProxy.close(0)
      proxy.close()
    })
  }

  it('takes no sink that commits at the same moment for one that has lost commits', async () => {
    ledger.sinks.register('sink1', 'sink1')
    const rewound: string[] = []
    ledger.consumers.onRewound((_, { code }) => void rewound.push(code))
    const writer = await openWriter(connection)
    await known()
    await ledger.consumers.begin(query, 0)
    const { topic, partition } = query
    let written = 0
    const write = async (): Promise<void> => {
      for (; written < 600; written += 2)
        await writer.writeRange(ledgerKey, range(written, written + 2), records(written, written + 2))
    }
    const settle = async (): Promise<void> => {
      while (written < 600)
        await ledger.consumers.settle(query, [
          { topic, partition, offset: written, lastTimestamp: undefined },
        ])
    }
    await Promise.all([write(), settle(), settle()])
    assert.deepEqual(rewound, [])
  })

  it('notices that a failover has lost what another attempt had found written', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    const elsewhere = openDatabase(database.url)
    const again = await openWriter(elsewhere)
    assert.equal((await again.writeRange(ledgerKey, range(0, 10), records(0, 10))).before, true)
    await database.query('update iot_ledger set next_offset = 5')
    await assert.rejects(again.writeRange(ledgerKey, range(10, 20), records(10, 20)), {
      code: 'LEDGER_REWOUND',
    })
    await elsewhere.close(0)
  })

  it('writes again what a failover has lost', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange(ledgerKey, range(10, 20), records(10, 20))
    // The standby had not got the second commit.
    await database.query('delete from iot_messages where kafka_offset >= 10')
    await database.query('update iot_ledger set next_offset = 10')
    await writer.writeRange(ledgerKey, range(10, 20), records(10, 20))
    assert.deepEqual(await offsets(), upTo(20))
  })

  it('does not take the COMMIT of a failed transaction for a success', async () => {
    await assert.rejects(
      connection.transaction('trying', async (client) => {
        await client.query('select 1/0').catch(() => undefined)
      }),
      { sqlState: 'ROLLBACK', kind: 'transient' },
    )
  })

  it('writes a batch again whose transaction had failed when its COMMIT came', async () => {
    let swallowed = 0
    const swallowing: RowWriter = {
      write: async (client, rows, count) => {
        if (swallowed++ > 0) return copyWriter().write(client, rows, count)
        await client.query('select 1/0').catch(() => undefined)
        return 10
      },
    }
    const writer = await openWriter(connection, { writer: swallowing })
    const write = (): Promise<unknown> => writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await assert.rejects(write(), { sqlState: 'ROLLBACK', kind: 'transient' })
    await write()
    assert.deepEqual(await offsets(), upTo(10))
  })

  it('survives a power cut of the server in the middle of a batch', async () => {
    const statuses = new Set<string>()
    const sink: TableSink = openSink(connection, {
      onChange: () => sink.problem !== undefined && statuses.add(sink.problem.statusText),
    })
    sink.start()
    await writeWhile(sink, async () => {
      for (let round = 0; round < 2; round++) {
        const rows = sink.counts.rows
        while (sink.counts.rows < rows + 200 && sink.counts.rows < 1800) await sleep(1)
        await server.kill()
        await server.restart()
      }
    })
    await sink.close(1000)
    assert.deepEqual(await offsets(), upTo(2000))
    assert.ok(statuses.size > 0)
    for (const status of statuses) assert.match(status, /^PostgreSQL: /)
  })

  it('gives up a server process that hangs, and fences it off when it wakes up', async () => {
    const impatient = openDatabase(database.url, { statementTimeoutMs: 1000 })
    const sink = openSink(impatient)
    sink.start()
    await sink.write({ way: 'range', range: range(0, 10), records: records(0, 10) })
    const slow = { done: false }
    const locker = openDatabase(database.url)
    let unlock = (): void => undefined
    const unlocked = new Promise<void>((resolve) => (unlock = resolve))
    let locking = Promise.resolve()
    await new Promise<void>((locked) => {
      locking = locker.transaction('locking', async (client) => {
        await client.query('lock table iot_messages in share mode')
        locked()
        await unlocked
      })
    })
    const written = sink
      .write({ way: 'range', range: range(10, 20), records: records(10, 20) })
      .finally(() => {
        slow.done = true
      })
    const [stuck] = await hanging(database)
    assert.ok(stuck)
    await freezeProcess(stuck)
    unlock()
    await locking
    await locker.close(0)
    while (sink.problem === undefined) await sleep(10)
    assert.equal(slow.done, false)
    process.kill(stuck, 'SIGCONT')
    await written
    await sink.close(1000)
    await impatient.close(0)
    assert.deepEqual(await offsets(), upTo(20))
  })

  it('waits for a server that is not there yet', async () => {
    await server.kill()
    const sink = openSink(connection)
    sink.start()
    const written = sink.write({ way: 'range', range: range(0, 10), records: records(0, 10) })
    while (sink.problem === undefined) await sleep(5)
    assert.equal(sink.problem.statusText, 'PostgreSQL: not reachable')
    assert.equal(sink.waiting, 1)
    await server.restart()
    assert.equal((await written).rows, 10)
    // What it prepares may have met the server while it was starting, and is tried again a moment later.
    await until('the problem is over', () => sink.problem === undefined)
    await sink.close(1000)
  })

  it('gives up what it holds when it is closed during an outage', async () => {
    await server.kill()
    const sink = openSink(connection)
    sink.start()
    const written = sink.write({ way: 'range', range: range(0, 10), records: records(0, 10) })
    const refused = assert.rejects(written, { code: 'SINK_CLOSED', retryable: true })
    await sink.close(60_000)
    await refused
    await server.restart()
  })

  it('writes partitions at the same time, each in its order', async () => {
    let most = 0
    let running = 0
    const slow: RowWriter = {
      write: async (client: ClientBase, rows: Buffer, count: number) => {
        most = Math.max(most, ++running)
        await client.query('select pg_sleep(0.02)')
        const stored = await copyWriter().write(client, rows, count)
        running--
        return stored
      },
    }
    const writer = await openWriter(connection, { writer: slow })
    const write = async (partition: number): Promise<void> => {
      for (let first = 0; first < 30; first += 10) {
        await writer.writeRange(
          { ...ledgerKey, partition },
          range(first, first + 10, partition),
          records(first, first + 10),
        )
      }
    }
    await Promise.all([0, 1, 2, 3, 4, 5].map(write))
    assert.equal((await offsets()).length, 180)
    assert.ok(most > 1 && most <= 4)
  })
})

/** Server processes of the sink that wait for a lock, as soon as there is one. */
async function hanging(database: TestDatabase): Promise<number[]> {
  for (;;) {
    const rows = await database.query<{ pid: number }>(
      `select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and application_name = 'tenant-pipeline'`,
    )
    if (rows.length > 0) return rows.map(({ pid }) => pid)
    await sleep(5)
  }
}
