/**
 * A synchronous standby that does not answer. COMMIT waits for it; what ends that wait, be it an operator, a tool, or
 * our own time limit, gets rows that are on the primary alone, and that a failover would lose.
 */
import assert from 'node:assert/strict'
import { Client } from 'pg'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { Database } from '../../src/postgres/connect/database'
import { TableDeadLetterTarget } from '../../src/postgres/dead-letters/dead-letter-target'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { openDatabase, openSink, record, records } from '../support/sink'
import { startStandby } from '../support/standby'
import { until } from '../support/until'

const OTHER_LETTERS = { schema: 'public', table: 'other_letters' }

describe('a synchronous standby that does not answer', function () {
  this.timeout(120_000)
  let primary: OwnPostgres
  let standby: OwnPostgres
  let connection: Database
  const sinks: TableSink[] = []
  before(async () => {
    primary = await startOwnPostgres({ settings: { synchronous_standby_names: '*' } })
    standby = await startStandby(primary)
  })
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close(0)))
    await connection.close(0)
  })
  after(async () => {
    await standby.stop()
    await primary.stop()
  })

  async function run<Row extends object>(server: OwnPostgres, statement: string): Promise<Row[]> {
    const client = new Client({ connectionString: server.address })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(statement)).rows
    } finally {
      await client.end()
    }
  }
  const waiting = async (): Promise<number> =>
    (await run(primary, `select from pg_stat_activity where wait_event = 'SyncRep'`)).length
  const endWaiting = (): Promise<object[]> =>
    run(primary, `select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`)
  const open = (change: Parameters<typeof openSink>[1]): TableSink => {
    const sink = openSink(connection, { exactlyOnce: 'key', retentionDays: 0, ...change })
    sinks.push(sink)
    return sink
  }

  it('confirms nothing, by key and for dead letters, until one has it: after a failover all of it is there', async () => {
    const host = (server: OwnPostgres): string => new URL(server.address).host
    const url = primary.address.replace(host(primary), `${host(primary)},${host(standby)}`)
    connection = openDatabase(url, { connectTimeoutMs: 2000, lockTimeoutMs: 1000, poolSize: 8 })
    const byKey = open({ table: { schema: 'public', table: 'by_key' } })
    const rejecting = open({ table: { schema: 'public', table: 'rejecting' } })
    const target = new TableDeadLetterTarget(connection, OTHER_LETTERS, { createTable: true })
    const letters = Array.from({ length: 20 }, (_, offset) =>
      deadLettersOf({ ...record(offset), error: { message: 'why' } }),
    ).flat()
    // All that is there before: tables, partitions, and a row each.
    await byKey.write({ way: 'records', records: [record(900)] })
    await rejecting.write({ way: 'records', records: [record(900)] })
    await target.write(letters.slice(0, 1))
    await standby.shutDown()

    const confirmed: string[] = []
    const storeLetters = async (): Promise<void> => {
      // As its queue does: the same letters again.
      for (;;)
        if (
          await target.write(letters).then(
            () => true,
            () => false,
          )
        )
          return
    }
    const bad = Array.from({ length: 20 }, (_, offset) => record(offset, { payload: Buffer.from('{') }))
    const works = Object.entries({
      'by key': byKey.write({ way: 'records', records: records(0, 100) }),
      'rejected rows': rejecting.write({ way: 'records', records: bad }),
      'dead letters': storeLetters(),
    }).map(async ([name, work]) => {
      await work
      confirmed.push(name)
    })
    for (let ended = 0; ended < 3; ended++) {
      await until('COMMIT waits for the standby, three times', async () => (await waiting()) >= 3)
      await endWaiting()
    }
    await until('it waits again', async () => (await waiting()) >= 3)
    assert.deepEqual(confirmed, [])
    const statuses = [byKey, rejecting].map(({ problem }) => problem?.statusText)
    assert.deepEqual(statuses, Array(2).fill('PostgreSQL: waiting for a synchronous standby'))

    await primary.kill()
    await standby.restart()
    await run(standby, `alter system set synchronous_standby_names = ''`)
    await run(standby, 'select pg_promote(true, 60)')
    await Promise.all(works)
    const [count] = await run(
      standby,
      `select (select count(*)::int from by_key) as rows, (select count(*)::int from iot_dead_letters) as rejected,
              (select count(*)::int from other_letters) as letters`,
    )
    assert.deepEqual(count, { rows: 101, rejected: 20, letters: 20 })
  })
})
