import assert from 'node:assert/strict'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { JOINT_RECORDS } from '../../src/postgres/sink/joint-ranges'
import type { WireRecord } from '../../src/wire/message'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { cutAtCommit } from '../support/cut-at-commit'
import { keptLog } from '../support/events'
import type { TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

const PARTITIONS = [0, 1, 2, 3, 4, 5]
const TOPIC = 'iot-messages'

/** Records of a partition, offsets `from` up to, not including, `to`. */
function recordsOf(partition: number, from: number, to: number): WireRecord[] {
  return Array.from({ length: to - from }, (_, index) => {
    const offset = from + index
    return record(offset, { kafka: { topic: TOPIC, partition, offset, timestamp: Date.now(), headers: {} } })
  })
}

describe('the PostgreSQL sink, ranges of several partitions', () => {
  let database: TestDatabase
  const open = databaseForEachTest((made) => ({ database } = made))

  /** Writes a range of each partition at the same time, as a consumer brings them. */
  async function writeAll(
    sink: TableSink,
    from: number,
    to: number,
    change: (partition: number, records: WireRecord[]) => void = () => undefined,
  ): Promise<number[]> {
    const outcomes = PARTITIONS.map((partition) => {
      const records = recordsOf(partition, from, to)
      change(partition, records)
      return sink.write({ way: 'range', range: range(from, to, partition), records })
    })
    return (await Promise.all(outcomes)).map(({ rows }) => rows)
  }

  /** How many transactions have written the rows from this offset on. */
  async function transactionsFrom(offset: number): Promise<number> {
    const [found] = await database.query<{ n: string }>(
      `select count(distinct xmin::text) as n from iot_messages where kafka_offset >= ${offset}`,
    )
    return Number(found?.n)
  }

  async function stored(): Promise<string[]> {
    const rows = await database.query<{ p: number; o: string }>(
      'select kafka_partition as p, kafka_offset as o from iot_messages order by 1, 2',
    )
    return rows.map(({ p, o }) => `${p}/${o}`)
  }

  async function ledger(): Promise<string[]> {
    const rows = await database.query<Record<string, string>>(
      'select "partition" as p, next_offset as n, stored_rows as r, dead_letters as d from iot_ledger where sink <> $$$$ order by 1',
    )
    return rows.map(({ p, n, r, d }) => `${p}: to ${n}, ${r} rows, ${d} dead letters`)
  }

  const all = (to: number): string[] =>
    PARTITIONS.flatMap((partition) => Array.from({ length: to }, (_, offset) => `${partition}/${offset}`))

  it('writes them in one transaction, and counts each for itself', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    const written = await writeAll(sink, 1, 10)
    assert.deepEqual(written, [9, 9, 9, 9, 9, 9])
    assert.equal(await transactionsFrom(1), 1)
    assert.deepEqual(await stored(), all(10))
    assert.deepEqual(
      await ledger(),
      PARTITIONS.map((partition) => `${partition}: to 10, 10 rows, 0 dead letters`),
    )
  })

  it('writes large ones in a transaction each', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    await writeAll(sink, 1, 1 + JOINT_RECORDS)
    assert.equal(await transactionsFrom(1), PARTITIONS.length)
  })

  it('makes a bad record a dead letter of its partition, and stores all others once', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    const written = await writeAll(sink, 1, 10, (partition, records) => {
      if (partition === 3) Object.assign(records[4] as WireRecord, { payload: Buffer.from('{"broken') })
    })
    assert.deepEqual(written, [9, 9, 9, 8, 9, 9])
    assert.deepEqual(
      await stored(),
      all(10).filter((place) => place !== '3/5'),
    )
    assert.deepEqual(
      await ledger(),
      PARTITIONS.map((partition) => {
        const bad = partition === 3 ? 1 : 0
        return `${partition}: to 10, ${10 - bad} rows, ${bad} dead letters`
      }),
    )
  })

  it('writes the others when another process has moved one position, and that partition from there on', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    const elsewhere = openDatabase(database.url)
    const other = openSink(elsewhere)
    try {
      other.start()
      await other.write({ way: 'range', range: range(1, 5, 2), records: recordsOf(2, 1, 5) })
      const written = await writeAll(sink, 1, 10)
      assert.deepEqual(written, [9, 9, 5, 9, 9, 9])
      assert.deepEqual(await stored(), all(10))
    } finally {
      await other.close(0)
      await elsewhere.close(0)
    }
  })

  it('leaves rows that the table itself has refused out of the count of their partition', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    await database.query(`
      create function leave_out() returns trigger language plpgsql as
        $$ begin if new.kafka_partition = 4 and new.kafka_offset = 7 then return null; end if; return new; end $$`)
    await database.query(
      'create trigger leaves_out before insert on iot_messages for each row execute function leave_out()',
    )
    await writeAll(sink, 1, 10)
    assert.deepEqual(
      await stored(),
      all(10).filter((place) => place !== '4/7'),
    )
    assert.equal((await ledger())[4], '4: to 10, 9 rows, 0 dead letters')
  })

  for (const [moment, reaches] of [
    ['after COMMIT has reached the server', true],
    ['before COMMIT has reached the server', false],
  ] as const) {
    it(`stores each record once when the connection is lost ${moment}, and suspects no other process`, async () => {
      const proxy = await cutAtCommit(database.url, reaches)
      const throughProxy = openDatabase(proxy.url)
      const { log, entries } = keptLog()
      const sink = openSink(throughProxy, { events: new SinkEvents(log) })
      try {
        sink.start()
        await writeAll(sink, 0, 1)
        proxy.cuts = PARTITIONS.length
        const written = await writeAll(sink, 1, 10)
        assert.equal(proxy.cuts, undefined)
        // Written together, of which the ledger tells, or not at all, and then each alone.
        assert.deepEqual(written, Array(PARTITIONS.length).fill(reaches ? 0 : 9))
        assert.equal(await transactionsFrom(1), reaches ? 1 : PARTITIONS.length)
        assert.deepEqual(await stored(), all(10))
        assert.deepEqual(
          await ledger(),
          PARTITIONS.map((partition) => `${partition}: to 10, 10 rows, 0 dead letters`),
        )
      } finally {
        await sink.close(0)
        await throughProxy.close(0)
        proxy.close()
      }
      assert.ok(!entries.some(({ code }) => code === 'LEDGER_MOVED'))
    })
  }

  it('writes everything once while its connections are cut time and again', async () => {
    const sink = open()
    sink.start()
    await writeAll(sink, 0, 1)
    await database.query('create sequence attempts')
    await database.query(`
      create function cut() returns trigger language plpgsql as $$ begin
        if nextval('attempts') % 37 = 0 then perform pg_terminate_backend(pg_backend_pid()); end if;
        return new;
      end $$`)
    await database.query(
      'create trigger cuts before insert on iot_messages for each row execute function cut()',
    )
    for (let from = 1; from < 200; from += 2) await writeAll(sink, from, from + 2)
    assert.deepEqual(await stored(), all(201))
    assert.deepEqual(
      await ledger(),
      PARTITIONS.map((partition) => `${partition}: to 201, 201 rows, 0 dead letters`),
    )
  })
})
