/** Is the table at fault, or the row: what a real PostgreSQL answers, and what becomes of the records. */
import assert from 'node:assert/strict'
import type { ExactlyOnce } from '../../src/postgres/sink/write-request'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { WireRecord } from '../../src/wire/message'
import type { TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record, type SinkChange } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'
import { until } from '../support/until'

/** The most that may be written off while nothing can be stored. */
const SOME_DOZENS = 50

const TABLE = `create table iot_messages (time timestamptz, tenant_id text, project_id text, mqtt_topic text,
  payload jsonb, message_id text, kafka_topic text, kafka_partition int, kafka_offset bigint`

/** As the records of others have it. */
const NO_TENANT = { tenant: undefined } as unknown as Partial<WireRecord>

/** A trigger function that refuses some rows. */
const trigger = (body: string, name = 'judge'): string => `
  create function ${name}() returns trigger language plpgsql as $$ begin ${body}; return new; end $$;
  create trigger ${name} before insert on iot_messages for each row execute function ${name}()`

describe('whether the table is at fault or the row', () => {
  let database: TestDatabase
  let sink: TableSink
  const opened = databaseForEachTest((made) => ({ database } = made))

  const open = (change: SinkChange = {}): TableSink => (sink = opened({ createTable: false, ...change }))
  const count = async (table: string, where = 'true'): Promise<number> =>
    Number((await database.query<{ n: string }>(`select count(*) as n from ${table} where ${where}`))[0]?.n)
  const letters = (): Promise<number> => count('iot_dead_letters')

  /** Writes records in batches, one after the other, as the consumer of one partition does. */
  async function stream(
    records: readonly WireRecord[],
    perBatch: number,
    partition = 0,
    exactlyOnce: ExactlyOnce = 'ledger',
  ): Promise<void> {
    for (let at = 0; at < records.length; at += perBatch) {
      const batch = records.slice(at, at + perBatch)
      const [first, end] = [Number(batch[0]?.kafka?.offset), Number(batch.at(-1)?.kafka?.offset) + 1]
      await sink.write(
        exactlyOnce === 'ledger'
          ? { way: 'range', range: range(first, end, partition), records: batch }
          : { way: 'records', records: batch },
      )
    }
  }

  const of = (from: number, to: number, fields: (offset: number) => Partial<WireRecord>): WireRecord[] =>
    Array.from({ length: to - from }, (_, n) => record(from + n, fields(from + n)))
  const untilStopped = (): Promise<void> => until('the sink stops', () => sink.problem !== undefined)

  describe('with a single tenant', () => {
    const harms = [
      {
        what: 'its sequence has reached the end',
        table: `${TABLE}, id serial)`,
        harm: `select setval('iot_messages_id_seq', 2147483647)`,
        repair: `alter table iot_messages alter column id type bigint; alter sequence iot_messages_id_seq as bigint`,
        status: /a sequence has reached its end/,
      },
      {
        what: 'a column that nothing fills was added',
        table: `${TABLE})`,
        harm: `alter table iot_messages add column site text; update iot_messages set site = '';
               alter table iot_messages alter column site set not null`,
        repair: 'alter table iot_messages alter column site drop not null',
        status: /every row refused \(23502\)/,
      },
      {
        what: 'a trigger refuses everything',
        table: `${TABLE})`,
        harm: trigger(`raise 'closed'`),
        repair: 'drop trigger judge on iot_messages',
        status: /every row refused \(P0001\)/,
      },
    ]
    for (const { what, table, harm, repair, status } of harms) {
      for (const [whose, tenant, perBatch, before] of [
        ['of a tenant', { tenant: 'acme' }, 10, 100],
        ['without a tenant', NO_TENANT, 500, 0],
      ] as const) {
        it(`${what}: records ${whose}, ${perBatch} a batch, ${before} stored before`, async () => {
          await database.query(table)
          open()
          const all = of(0, 1_500, () => tenant)
          await stream(all.slice(0, before), perBatch)
          await database.query(harm)
          const rest = stream(all.slice(before), perBatch)
          await untilStopped()
          assert.match(sink.problem?.statusText ?? '', status)
          const writtenOff = await letters()
          assert.ok(writtenOff <= SOME_DOZENS, `${writtenOff} dead letters`)
          await database.query(repair)
          await rest
          assert.equal(sink.problem, undefined)
          assert.deepEqual([await letters(), await count('iot_messages')], [writtenOff, 1_500 - writtenOff])
        })
      }
    }

    for (const perBatch of [10, 500]) {
      it(`a topic that carries other data, ${perBatch} a batch`, async () => {
        await database.query(`${TABLE})`)
        open()
        const avro = Buffer.from([0, 0, 0, 0, 7, 14, 0x61, 0x62])
        const all = of(0, 1_000, () => ({ ...NO_TENANT, payload: avro }))
        const rest = stream(all, perBatch)
        await untilStopped()
        assert.match(sink.problem?.message ?? '', /the topic carries other data than the sink is set up for/)
        assert.ok((await letters()) <= SOME_DOZENS)
        await sink.close(0)
        await assert.rejects(rest, { code: 'SINK_CLOSED' })
      })
    }

    it('good rows after rubbish in the same batch are found', async () => {
      await database.query(`${TABLE})`)
      open()
      const payload = (n: number): Buffer => Buffer.from(n < 99 ? '{"a":1e131072}' : '{}')
      await stream(
        of(0, 100, (n) => ({ tenant: 'acme', payload: payload(n) })),
        100,
      )
      assert.deepEqual([await letters(), await count('iot_messages')], [99, 1])
    })

    it('a broken device is written off when its partition is not the only one of the topic', async () => {
      await database.query(`${TABLE})`)
      open()
      const batch = (from: number, partition: number, payload: string): Promise<void> =>
        stream(
          of(from, from + 100, (offset) => ({
            tenant: 'acme',
            payload: Buffer.from(payload),
            kafka: { topic: 'iot-messages', partition, offset, timestamp: Date.now(), headers: {} },
          })),
          100,
          partition,
        )
      const broken = batch(0, 1, 'rubbish')
      await untilStopped()
      await batch(0, 0, '{}')
      await broken
      assert.deepEqual([await letters(), await count('iot_messages'), sink.problem], [100, 100, undefined])
    })
  })

  describe('with several tenants', () => {
    it("one tenant's rubbish stops no other tenant, however much of it comes", async () => {
      await database.query(`${TABLE})`)
      open()
      await stream(
        of(0, 30, () => ({})),
        30,
      )
      const rubbish = (): Partial<WireRecord> => ({ tenant: 't1', payload: Buffer.from('rubbish') })
      await stream(of(30, 1_030, rubbish), 100)
      assert.deepEqual([await letters(), sink.problem], [1_000, undefined])
    })

    it('a table that is broken stops one that sends nearly everything, after some dozens', async () => {
      await database.query(`${TABLE})`)
      open()
      await stream(
        of(0, 30, () => ({})),
        30,
      )
      await database.query(trigger(`raise 'closed'`))
      const rest = stream(
        of(30, 1_030, () => ({ tenant: 't1' })),
        10,
      )
      await untilStopped()
      const writtenOff = await letters()
      assert.ok(writtenOff <= SOME_DOZENS, `${writtenOff} dead letters`)
      await database.query('drop trigger judge on iot_messages')
      await rest
      assert.equal(await count('iot_messages'), 1_030 - writtenOff)
    })
  })

  describe('by the partitions of a table that is not ours', () => {
    const byTenant = `${TABLE}) partition by list (tenant_id);
      create table acme partition of iot_messages for values in ('acme');
      create table globex partition of iot_messages for values in ('globex')`
    const mixed = (n: number): Partial<WireRecord> => ({ tenant: n % 2 === 0 ? 'acme' : 'globex' })

    for (const [exactlyOnce, index] of [
      ['ledger', ''],
      [
        'key',
        '; create unique index on iot_messages (tenant_id, kafka_topic, kafka_partition, kafka_offset, time)',
      ],
    ] as const) {
      for (const perBatch of [1, 25]) {
        it(`a tenant without one stops no other: by ${exactlyOnce}, ${perBatch} a batch`, async () => {
          await database.query(byTenant + index)
          open({ exactlyOnce })
          const all = of(0, 150, (n) => (n >= 50 && n < 100 && n % 5 > 0 ? { tenant: 'newco' } : mixed(n)))
          await stream(all, perBatch, 0, exactlyOnce)
          assert.equal(sink.problem, undefined)
          assert.deepEqual([await letters(), await count('iot_messages')], [40, 110])
          assert.equal(await count('iot_dead_letters', `code = 'NO_PARTITION' and tenant_id = 'newco'`), 40)
          const [letter] = await database.query<{ reason: string }>('select reason from iot_dead_letters')
          assert.match(letter?.reason ?? '', /no partition for the tenant_id of this row.*create one/)
        })
      }
    }

    it('when no row finds one it is the table: nothing is written off, and it resumes', async () => {
      await database.query(`${TABLE}) partition by list (tenant_id)`)
      open()
      const rest = stream(of(0, 200, mixed), 20)
      await untilStopped()
      assert.equal(sink.problem?.statusText, 'PostgreSQL: no partition for the tenant_id')
      await database.query('create table others partition of iot_messages default')
      await rest
      assert.deepEqual([await letters(), await count('iot_messages')], [0, 200])
    })
  })

  describe('by the days of a table that is not ours', () => {
    const DAY = 86_400_000
    const today = Math.floor(Date.now() / DAY)
    const day = (name: string, from: number, to: number, of = 'iot_messages'): string =>
      `create table ${name} partition of ${of} for values from ('${at(from)}') to ('${at(to)}')`
    const at = (n: number): string => new Date((today + n) * DAY).toISOString()
    /** Two records out of three are late, by this number of days. */
    const mostlyLate = (days: number, tenant = 'acme'): ((n: number) => Partial<WireRecord>) => {
      return (offset) => {
        const timestamp = offset % 3 < 2 ? (today - days) * DAY : Date.now()
        return { tenant, kafka: { topic: 'iot-messages', partition: 0, offset, timestamp, headers: {} } }
      }
    }

    for (const perBatch of [1, 25]) {
      it(`without that of today the sink stops, whatever late rows pass, and resumes: ${perBatch} a batch`, async () => {
        await database.query(`${TABLE}) partition by range (time); ${day('before', -9, 0)}`)
        open()
        const rest = stream(of(0, 100, mostlyLate(2)), perBatch)
        await untilStopped()
        assert.equal(sink.problem?.statusText, 'PostgreSQL: no partition for the time')
        assert.equal(await letters(), 0)
        await database.query(day('today', 0, 2))
        await rest
        assert.deepEqual([await letters(), await count('iot_messages')], [0, 100])
      })
    }

    it('a late row without one is a dead letter', async () => {
      await database.query(`${TABLE}) partition by range (time); ${day('today', 0, 2)}`)
      open()
      await stream(of(0, 60, mostlyLate(2)), 20)
      assert.deepEqual([await letters(), await count('iot_messages'), sink.problem], [40, 20, undefined])
    })

    it('a tenant whose own partition lacks that of today stops no other', async () => {
      await database.query(`${TABLE}) partition by list (tenant_id);
        create table acme partition of iot_messages for values in ('acme') partition by range (time);
        create table globex partition of iot_messages for values in ('globex');
        ${day('acme_before', -9, 0, 'acme')}`)
      open()
      await stream(
        of(0, 60, (n) => mostlyLate(2, n % 2 === 0 ? 'acme' : 'globex')(n)),
        20,
      )
      assert.deepEqual([await letters(), await count('iot_messages'), sink.problem], [10, 50, undefined])
    })
  })

  describe('by any code that a trigger raises', () => {
    const codes = ['45000', '42501', '42P01', '53400']
    for (const code of codes) {
      it(`${code}: one row is a dead letter, every row stops the sink, which resumes`, async () => {
        await database.query(`${TABLE})`)
        open()
        const raise = `raise 'not this one' using errcode = '${code}'`
        await database.query(trigger(`if new.project_id = 'bad' then ${raise}; end if`))
        await stream(
          of(0, 60, (n) => (n % 20 === 7 ? { project: 'bad' } : {})),
          20,
        )
        assert.deepEqual([await letters(), await count('iot_messages')], [3, 57])
        assert.equal(await count('iot_dead_letters', `code = '${code}' and reason like '%not this one%'`), 3)
        await database.query(trigger(raise, 'closed'))
        const rest = stream(
          of(60, 360, () => ({})),
          20,
        )
        await untilStopped()
        assert.ok((await letters()) <= SOME_DOZENS + 3)
        await database.query('drop trigger closed on iot_messages')
        await rest
        assert.equal((await letters()) + (await count('iot_messages')), 360)
      })
    }

    it('57014: one slow row is a dead letter after a few attempts', async () => {
      const hasty = openDatabase(database.url, { statementTimeoutMs: 300 })
      await database.query(
        `${TABLE});${trigger(`if new.project_id = 'bad' then perform pg_sleep(9); end if`)}`,
      )
      sink = openSink(hasty, { createTable: false })
      await stream(
        of(0, 8, (n) => (n === 5 ? { project: 'bad' } : {})),
        8,
      )
      await sink.close(0)
      await hasty.close(0)
      assert.deepEqual([await letters(), await count('iot_messages')], [1, 7])
    })

    it('42501: a privilege that was revoked stops the sink at once, and nothing is written off', async () => {
      await database.query(`${TABLE})`)
      const role = `writer_${Date.now()}`
      await database.query(`create role ${role} login password 'x'; grant all on schema public to ${role};
        grant all on iot_messages to ${role}`)
      const url = new URL(database.url)
      url.username = role
      url.password = 'x'
      const other = openDatabase(url.href)
      try {
        sink = openSink(other, { createTable: false })
        const some = of(0, 40, () => ({}))
        await stream(some.slice(0, 20), 20)
        await database.query(`revoke insert on iot_messages from ${role}`)
        const rest = stream(some.slice(20), 20)
        await untilStopped()
        assert.equal(sink.problem?.statusText, 'PostgreSQL: permission denied')
        assert.equal(await letters(), 0)
        await database.query(`grant insert on iot_messages to ${role}`)
        await rest
        assert.equal(await count('iot_messages'), 40)
      } finally {
        await sink.close(0)
        await other.close(0)
        await database.query(`drop owned by ${role}; drop role ${role}`)
      }
    })
  })
})
