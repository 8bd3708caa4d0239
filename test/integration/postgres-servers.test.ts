import assert from 'node:assert/strict'
import { Client } from 'pg'
import { freePort } from '../../dev/services/free-port'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { Database } from '../../src/postgres/connect/database'
import { FaultProxy } from '../faults/fault-proxy'
import { keptLog, type KeptLog } from '../support/events'
import { ledgerOf, openDatabase, openSink, range, record, records } from '../support/sink'
import { demote, startStandby } from '../support/standby'
import { until } from '../support/until'

const QUERY = { clusterId: 'c', group: 'g', topic: 'iot-messages', partition: 0 }

describe('several PostgreSQL servers', function () {
  this.timeout(60_000)
  let primary: OwnPostgres
  let standby: OwnPostgres
  let kept: KeptLog
  const opened: Database[] = []
  beforeEach(async () => {
    kept = keptLog()
    primary = await startOwnPostgres()
    standby = await startStandby(primary)
  })
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close(0)
    await standby.stop()
    await primary.stop()
  })

  const hostOf = (server: OwnPostgres): string => new URL(server.address).host

  function open(hosts: readonly string[], change: Parameters<typeof openDatabase>[1] = {}): Database {
    const url = primary.address.replace(hostOf(primary), hosts.join(','))
    const database = openDatabase(url, { log: kept.log, connectTimeoutMs: 2000, ...change })
    opened.push(database)
    return database
  }
  const both = (): Database => open([hostOf(standby), hostOf(primary)])

  /** The port of the server that a connection leads to. */
  const portOf = (database: Database): Promise<number> =>
    database.withClient('asking', async (client) => {
      const { rows } = await client.query<{ port: number }>('select inet_server_port() as port')
      return rows[0]?.port ?? 0
    })
  const serverPort = (server: OwnPostgres): number => Number(new URL(server.address).port)
  const notes = (code: string): string[] =>
    kept.entries.filter((entry) => entry.code === code).map(({ message }) => message)

  async function run(server: OwnPostgres, statement: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: server.address })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows
    } finally {
      await client.end()
    }
  }
  const promote = (server: OwnPostgres): Promise<unknown> => run(server, 'select pg_promote(true, 60)')
  /** Waits until the standby has all that the primary has committed. */
  const caughtUp = (): Promise<void> =>
    until('the standby has caught up', async () => {
      const [row] = await run(primary, 'select pg_current_wal_lsn()::text as lsn')
      const [there] = await run(
        standby,
        `select coalesce(pg_last_wal_replay_lsn() >= '${String(row?.lsn)}', false) as done`,
      )
      return there?.done === true
    })

  it('are tried in order, and the first that takes writes is used', async () => {
    const database = both()
    assert.equal(await portOf(database), serverPort(primary))
    assert.equal(database.server, hostOf(primary))
    assert.deepEqual(notes('POSTGRES_SERVER'), [
      `writing to PostgreSQL at ${hostOf(primary)} from now on; not to ${hostOf(standby)}: the server is a standby`,
    ])
  })

  it('are skipped when nothing listens there, or nothing answers', async () => {
    const silent = await FaultProxy.start(serverPort(primary))
    silent.set({ blackHole: true })
    const database = open([`127.0.0.1:${await freePort()}`, silent.address, hostOf(primary)], {
      connectTimeoutMs: 500,
    })
    assert.equal(await portOf(database), serverPort(primary))
    assert.match(String(notes('POSTGRES_SERVER')), /not reachable, .*: not reachable$/)
    await silent.stop()
  })

  it('are all named with the reason when none can be used', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    await assert.rejects(portOf(open([dead, hostOf(standby)])), {
      kind: 'transient',
      sqlState: 'NO_SERVER',
      statusText: `PostgreSQL: no server for writing (${dead}: not reachable, ${hostOf(standby)}: the server is a standby)`,
      message: /^none of 2 PostgreSQL servers can be written to: .*; .*the server is a standby/,
    })
  })

  it('are left when they turn read-only, with the connections to them', async () => {
    await run(standby, 'select 1')
    await promote(standby)
    const database = open([hostOf(primary), hostOf(standby)])
    const connected = (): Promise<number> => portOf(database)
    assert.deepEqual(
      await Promise.all([connected(), connected(), connected()]),
      Array(3).fill(serverPort(primary)),
    )
    await run(primary, 'alter system set default_transaction_read_only = on')
    await run(primary, 'select pg_reload_conf()')
    await until('the server is read-only', async () => {
      const [row] = await run(primary, 'show default_transaction_read_only')
      return row?.default_transaction_read_only === 'on'
    })
    const write = (): Promise<unknown> =>
      database.transaction('writing', (client) => client.query('create table if not exists t (n int)'))
    await assert.rejects(write(), { sqlState: '25006', kind: 'transient' })
    await write()
    assert.deepEqual(
      await Promise.all([connected(), connected(), connected()]),
      Array(3).fill(serverPort(standby)),
    )
    assert.equal(database.server, hostOf(standby))
    const [left] = await run(
      primary,
      `select count(*)::int as n from pg_stat_activity where application_name = 'tenant-pipeline'`,
    )
    assert.equal(left?.n, 0)
  })

  it('do not include a single one that is read-only', async () => {
    await assert.rejects(portOf(open([hostOf(standby)])), {
      kind: 'transient',
      statusText: 'PostgreSQL: the server is a standby',
    })
    assert.equal(open([hostOf(primary)]).server, undefined)
  })

  it('lose nothing when a standby that was behind takes over: the ledger says what to read again', async () => {
    const database = open([hostOf(primary), hostOf(standby)])
    ledgerOf(database).sinks.register('sink1', 'sink1')
    const rewound: string[] = []
    ledgerOf(database).consumers.onRewound(({ topic, partition }, problem) => {
      rewound.push(`${topic}/${partition} ${problem.code}`)
    })
    const sink = openSink(database)
    sink.start()
    const write = (from: number, to: number): Promise<unknown> =>
      sink.write({ way: 'range', range: range(from, to), records: records(from, to) })
    await write(0, 10)
    await caughtUp()
    await standby.shutDown()
    await write(10, 20)
    await primary.kill()
    await standby.restart()
    await promote(standby)
    // What the consumer would send next: 10 to 19 are gone, and no gap that the flow has filtered.
    await assert.rejects(write(20, 30), { code: 'LEDGER_REWOUND', retryable: true })
    assert.deepEqual(rewound, ['iot-messages/0 LEDGER_REWOUND'])
    assert.equal((await ledgerOf(database).consumers.positions(QUERY, 2)).sinks?.smallest, 10)
    // A batch that the flow has held since before would take 10 to 29 for a gap.
    const held = { ...range(30, 40), assignment: 1 }
    await assert.rejects(sink.write({ way: 'range', range: held, records: records(30, 40) }), {
      code: 'RANGE_SUPERSEDED',
      retryable: true,
    })
    await write(10, 20)
    await write(20, 30)
    // A gap that the flow has filtered is one still.
    await write(40, 50)
    const rows = await run(standby, 'select kafka_offset::int as o from iot_messages order by 1')
    const offsets = rows.map(({ o }) => o)
    assert.deepEqual(
      offsets,
      [...records(0, 30), ...records(40, 50)].map(({ kafka }) => kafka?.offset),
    )
    await sink.close(1000)

    // The former primary comes back, and is not the one to write to.
    demote(primary.cluster)
    await primary.restart()
    assert.equal(await portOf(database), serverPort(standby))
    const fresh = open([hostOf(primary), hostOf(standby)])
    assert.equal(await portOf(fresh), serverPort(standby))
  })

  it('go back to where a partition began, when the standby has no position for it at all', async () => {
    const database = open([hostOf(primary), hostOf(standby)])
    ledgerOf(database).sinks.register('sink1', 'sink1')
    const sink = openSink(database)
    sink.start()
    await until('the table is there', () => sink.ready)
    await caughtUp()
    await standby.shutDown()
    await ledgerOf(database).consumers.positions(QUERY, 1)
    await ledgerOf(database).consumers.begin(QUERY, 5)
    await sink.write({ way: 'range', range: range(5, 10), records: records(5, 10) })
    await primary.kill()
    await standby.restart()
    await promote(standby)
    const next = { way: 'range', range: range(10, 11), records: [record(10)] } as const
    await assert.rejects(sink.write(next), { code: 'LEDGER_REWOUND' })
    await sink.close(1000)
    assert.equal((await ledgerOf(database).consumers.positions(QUERY, 2)).settled, 5)
  })

  it('are reported once when their settings can lose rows', async () => {
    await run(primary, `alter system set synchronous_commit = 'local'`)
    await run(primary, 'alter system set fsync = off')
    await run(primary, 'select pg_reload_conf()')
    await until('the standby is connected', async () => {
      const [row] = await run(
        primary,
        `select count(*)::int as n, current_setting('fsync') as fsync from pg_stat_replication`,
      )
      return row?.n === 1 && row.fsync === 'off'
    })
    const database = open([hostOf(primary)])
    await Promise.all([portOf(database), portOf(database)])
    const warnings = notes('POSTGRES_UNSAFE')
    assert.equal(warnings.length, 2)
    assert.match(String(warnings[0]), /fsync is off/)
    assert.match(String(warnings[1]), /synchronous_commit is local, and the server has standbys/)
  })
})
