import assert from 'node:assert/strict'
import type { ClientBase } from 'pg'
import { defaultColumns, readColumns, type PayloadType } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import type { RejectedRecord } from '../../src/postgres/rows/rejected'
import { CopyWriter, type RowWriter } from '../../src/postgres/write/row-writer'
import { refusedPayload } from '../../src/postgres/refusals/screen'
import { SharedRefusals } from '../../src/postgres/refusals/shared-refusals'
import { StagedWriter } from '../../src/postgres/write/staged-writer'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { WireRecord } from '../../src/wire/message'
import type { TestDatabase } from '../support/postgres'
import { until } from '../support/until'
import {
  copyWriter,
  ledgerKey,
  openSink,
  openWriter,
  POSITION_KEY,
  range,
  record,
  records,
  TABLE,
} from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

/** Payloads, and the code that rejects them; without one they can be stored as jsonb. */
const PAYLOADS: readonly (readonly [name: string, payload: unknown, code?: string])[] = [
  ['a NUL byte', Buffer.from('{"a":"\0"}'), 'NUL_BYTE'],
  ['no JSON', Buffer.from('{"a":'), 'JSON_INVALID'],
  ['nothing', Buffer.alloc(0), 'JSON_INVALID'],
  ['white space', Buffer.from('  '), 'JSON_INVALID'],
  ['an escaped NUL', Buffer.from('{"a":"\\u0000"}'), '22P05'],
  ['half of a surrogate pair', Buffer.from('{"a":"\\ud800"}'), '22P02'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'UTF8_INVALID'],
  ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0x80, 0x22]), 'UTF8_INVALID'],
  ['a byte order mark', Buffer.from('\ufeff{}'), 'JSON_INVALID'],
  ['a number beyond all bounds', Buffer.from('1e131072'), '22003'],
  ['100,000 brackets', Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)), '54001'],
  ['an object with itself inside', loop(), 'NOT_ENCODABLE'],
  ['text with half of a surrogate pair', '"\ud800"', 'NOT_ENCODABLE'],
  ['two megabytes', Buffer.from(JSON.stringify('x'.repeat(2_000_000)))],
  ['backslashes, tabs and line feeds', Buffer.from('{"a":"\\\\ \\t",\t"b":\r\n1}')],
  ['a number that JSON.parse would change', Buffer.from('{"n":9007199254740993,"e":1e400}')],
  ['text', '{"a":1}'],
  ['an object that the flow has made', { a: 1 }],
  ['a scalar', Buffer.from('42')],
]

/** JSON.parse takes it, and has nothing to find in it; a `numeric` is not as large. */
const ONLY_POSTGRES_REFUSES = Buffer.from('{"a":1e131072}')

function loop(): unknown {
  const value: { self?: unknown } = {}
  value.self = value
  return value
}

describe('records that PostgreSQL refuses', () => {
  let database: TestDatabase
  let connection: Database
  databaseForEachTest((made) => ({ database, connection } = made))

  const count = async (table: string): Promise<number> =>
    Number((await database.query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n)

  it('become dead letters alone, each with its reason, and the others become rows', async () => {
    const writer = await openWriter(connection)
    const batch = PAYLOADS.flatMap(([, payload], index) => [
      record(2 * index, { payload }),
      record(2 * index + 1),
    ])
    const end = batch.length
    const written = await writer.writeRange(ledgerKey, range(0, end), batch)
    const refused = PAYLOADS.filter(([, , code]) => code !== undefined)
    assert.equal(written.rows, end - refused.length)
    assert.equal(await count('iot_messages'), end - refused.length)
    const letters = await database.query<{ kafka_offset: string; code: string }>(
      'select kafka_offset, code, reason from iot_dead_letters order by kafka_offset',
    )
    assert.deepEqual(
      letters.map(({ kafka_offset, code }) => [PAYLOADS[Number(kafka_offset) / 2]?.[0], code]),
      refused.map(([name, , code]) => [name, code]),
    )
  })

  it('keep their bytes, headers and position', async () => {
    const writer = await openWriter(connection)
    const payload = Buffer.from('{"a":"\0\xff', 'latin1')
    await writer.writeRange(ledgerKey, range(5, 6), [record(5, { payload })])
    const [letter] = await database.query<Record<string, unknown>>('select * from iot_dead_letters')
    assert.ok(letter)
    assert.deepEqual(letter['payload'], payload)
    assert.deepEqual(letter['headers'], { unit: 'C' })
    assert.deepEqual(
      [
        'tenant_id',
        'project_id',
        'mqtt_topic',
        'kafka_cluster',
        'kafka_topic',
        'kafka_partition',
        'kafka_offset',
        'node_id',
      ].map((name) => letter[name]),
      ['t2', 'p', 'mtic/msg/client/realtime/t2/p/d', 'c', 'iot-messages', '0', '5', 'sink1'],
    )
  })

  it('are found also by a constraint that the table checks at the end of a transaction only', async () => {
    const writer = await openWriter(connection)
    await database.query('create table projects (id text primary key)')
    await database.query("insert into projects values ('p')")
    await database.query(
      'alter table iot_messages add constraint known_project foreign key (project_id) references projects ' +
        'deferrable initially deferred',
    )
    const batch = [record(0), record(1, { project: 'unknown' }), record(2)]
    const written = await writer.writeRange(ledgerKey, range(0, 3), batch)
    assert.equal(written.rows, 2)
    assert.deepEqual(await database.query('select kafka_offset, code from iot_dead_letters'), [
      { kafka_offset: '1', code: '23503' },
    ])
  })

  it('are stored as they are in a bytea column', async () => {
    const columns = defaultColumns('bytea')
    const sink = openSink(connection, { columns, payloadType: 'bytea' })
    const batch = PAYLOADS.filter(([, payload]) => Buffer.isBuffer(payload)).map(([, payload], offset) =>
      record(offset, { payload }),
    )
    const { rejected } = await sink.write({ way: 'range', range: range(0, batch.length), records: batch })
    await sink.close(1000)
    assert.deepEqual(rejected, [])
    const rows = await database.query<{ payload: Buffer }>(
      'select payload from iot_messages order by kafka_offset',
    )
    assert.deepEqual(
      rows.map(({ payload }) => payload),
      batch.map(({ payload }) => payload),
    )
  })

  it('are those with a name that is not UTF-8: the bytes are in the dead letter, and in a bytea column', async () => {
    const tenant = Buffer.from([0x61, 0xe9])
    const batch = [record(0), record(1, { tenant }), record(2)]
    const writer = await openWriter(connection)
    assert.equal((await writer.writeRange(ledgerKey, range(0, 3), batch)).rows, 2)
    assert.deepEqual(await database.query('select code, tenant_id from iot_dead_letters'), [
      { code: 'UTF8_INVALID', tenant_id: '\\x61e9 (bytes)' },
    ])
    await database.query('create table devices (time timestamptz, tenant bytea)')
    const columns = readColumns(
      '[{"column":"time","from":"time"},{"column":"tenant","from":"tenant","type":"bytea"}]',
      'jsonb',
    )
    const sink = openSink(connection, { columns, table: { ...TABLE, table: 'devices' } })
    await sink.write({ way: 'records', records: [batch[1] as WireRecord] })
    await sink.close(1000)
    assert.deepEqual(await database.query('select tenant from devices'), [{ tenant }])
  })

  it('cost few statements', async () => {
    let statements = 0
    const counting: RowWriter = {
      write: (client: ClientBase, rows: Buffer, count: number) => {
        statements++
        return copyWriter().write(client, rows, count)
      },
    }
    const writer = await openWriter(connection, { writer: counting })
    const bad = ONLY_POSTGRES_REFUSES
    const n = 1000
    for (const places of [[0], [999], [500], [1, 2, 3], [0, 250, 500, 750, 999]]) {
      const batch = records(0, n).map((one, index) =>
        places.includes(index) ? { ...one, payload: bad } : one,
      )
      statements = 0
      const written = await writer.writeRecords(batch)
      assert.equal(written.rejected.length, places.length)
      const most = places.length * (1 + Math.log2(n)) + 2
      assert.ok(statements <= most, `${statements} statements for ${places.length} bad rows, at most ${most}`)
    }
  })

  for (const [what, refuse, code, byKey] of [
    [
      'a foreign key',
      `create table projects (project text primary key); insert into projects values ('p');
       alter table iot_messages add foreign key (project_id) references projects`,
      '23503',
      false,
    ],
    [
      'a trigger behind the insertion',
      `create function look() returns trigger language plpgsql as $$ begin
         if new.project_id = 'bad' then raise 'not allowed'; end if;
         return null;
       end $$;
       create trigger look after insert on iot_messages for each row execute function look()`,
      'P0001',
      false,
    ],
    [
      'a check of a table that is written by key',
      `create unique index on iot_messages (${POSITION_KEY.join()});
       alter table iot_messages add check (project_id <> 'bad')`,
      '23514',
      true,
    ],
  ] as const) {
    it(`cost few statements as well when PostgreSQL does not name them: ${what}`, async () => {
      const names = defaultColumns('jsonb').map(({ name }) => name)
      const used = byKey ? new StagedWriter(TABLE, names, POSITION_KEY) : copyWriter()
      let statements = 0
      const counting: RowWriter = {
        write: (client: ClientBase, rows: Buffer, count: number) => {
          statements++
          return used.write(client, rows, count)
        },
      }
      const writer = await openWriter(connection, { writer: counting })
      await database.query(refuse)
      const n = 256
      let from = 0
      for (const places of [[0], [101], [255], [0, 1, 2, 3], [1, 61, 127, 201, 255]]) {
        const batch = records(from, from + n).map((one, index) =>
          places.includes(index) ? { ...one, project: 'bad' } : one,
        )
        from += n
        statements = 0
        const written = await writer.writeRecords(batch)
        assert.deepEqual(
          written.rejected.map(({ record, reason }) => [batch.indexOf(record), reason.code]),
          places.map((place) => [place, code]),
        )
        const most = places.length * (1 + Math.log2(n)) + 2
        assert.ok(
          statements <= most,
          `${statements} statements for bad rows at ${places.join()}, at most ${most}`,
        )
      }
    })
  }

  it('do not end the process when PostgreSQL answers before it was sent the whole batch', async () => {
    const writer = await openWriter(connection)
    const large = Buffer.from(JSON.stringify('x'.repeat(1_000_000)))
    const batch = records(0, 40).map((one, index) => ({
      ...one,
      payload: index === 0 ? ONLY_POSTGRES_REFUSES : large,
    }))
    const written = await writer.writeRange(ledgerKey, range(0, 40), batch)
    assert.deepEqual([written.rows, written.rejected.length], [39, 1])
  })

  it('of one tenant do not hold up the others, however many', async () => {
    const writer = await openWriter(connection)
    const batch = records(0, 600).map((one) =>
      one.tenant === 't1' ? { ...one, payload: Buffer.from('rubbish') } : one,
    )
    const written = await writer.writeRange(ledgerKey, range(0, 600), batch)
    assert.deepEqual([written.rows, written.rejected.length], [400, 200])
  })

  /** Only PostgreSQL sees that it is bad: JSON.parse takes it. */
  const poison = Buffer.from('{"a":"\\u0000"}')

  it('of one tenant cost the others one statement, and are not sent with theirs again and again', async () => {
    const sent: string[][] = []
    const recording: RowWriter = {
      write: (client: ClientBase, rows: Buffer, count: number) => {
        const tenants = rows.toString().matchAll(/^[^\t]*\t([^\t]*)/gm)
        sent.push([...new Set([...tenants].map(([, tenant]) => tenant as string))].sort())
        return copyWriter().write(client, rows, count)
      },
    }
    const writer = await openWriter(connection, { writer: recording })
    const batch = (from: number): ReturnType<typeof records> =>
      records(from, from + 300).map((one) => (one.tenant === 't1' ? { ...one, payload: poison } : one))
    const first = await writer.writeRange(ledgerKey, range(0, 300), batch(0))
    assert.deepEqual([first.rows, first.rejected.length], [200, 100])
    const others = sent.filter((tenants) => tenants.includes('t0')).map((tenants) => tenants.join())
    assert.deepEqual(others, ['t0,t1,t2', 't0,t2'])
    assert.ok(sent.length <= 110, `${sent.length} statements for 100 bad rows`)

    sent.length = 0
    const next = await writer.writeRange(ledgerKey, range(300, 600), batch(300))
    assert.deepEqual([next.rows, next.rejected.length], [200, 100])
    assert.deepEqual(sent[0], ['t0', 't2'])
    assert.ok(sent.slice(1).every((tenants) => tenants.join() === 't1'))

    const after = await writer.writeRange(ledgerKey, range(600, 900), records(600, 900))
    assert.deepEqual([after.rows, after.rejected.length], [300, 0])
    sent.length = 0
    await writer.writeRange(ledgerKey, range(900, 1200), records(900, 1200))
    assert.deepEqual(sent, [['t0', 't1', 't2']])
  })

  it('of one tenant alone are its rubbish, also when it is the whole batch: others were stored before', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 3), records(0, 3))
    const batch = records(3, 153).map((one) => ({ ...one, tenant: 't1', payload: Buffer.from('rubbish') }))
    const written = await writer.writeRange(ledgerKey, range(3, 153), batch)
    assert.deepEqual([written.rows, written.rejected.length], [0, 150])
  })

  for (const [where, payload] of [
    ['here', 'rubbish'],
    ['only in PostgreSQL', ONLY_POSTGRES_REFUSES],
  ] as const) {
    it(`stop the sink when they are all rows of several tenants, seen ${where}`, async () => {
      const writer = await openWriter(connection)
      const batch = records(0, 100).map((one) => ({ ...one, payload: Buffer.from(payload) }))
      await assert.rejects(writer.writeRange(ledgerKey, range(0, 100), batch), {
        kind: 'configuration',
        message: /all 100 rows of a batch, of several tenants, were refused in the same way/,
      })
      assert.equal(await count('iot_dead_letters'), 0)
      assert.equal(await count('iot_ledger'), 0)
    })
  }

  it('are tried once more when the table was repaired, and took other rows, after their refusal', async () => {
    const refusals = new SharedRefusals()
    const whole = await openWriter(connection, { refusals })
    let repair = (): Promise<unknown> => Promise.resolve()
    const writer = await openWriter(connection, {
      refusals,
      writer: {
        write: (client: ClientBase, rows: Buffer, count: number) =>
          copyWriter()
            .write(client, rows, count)
            .catch(async (error: unknown) => {
              if (/^[^\n]*\t99\n$/.test(rows.toString())) await repair()
              throw error
            }),
      },
    })
    await database.query('alter table iot_messages add constraint closed check (kafka_partition < 0)')
    for (let from = 40; from < 90; from += 10) {
      await whole.writeRange(ledgerKey, range(from, from + 10), records(from, from + 10))
    }
    const write = (): Promise<unknown> => writer.writeRange(ledgerKey, range(90, 100), records(90, 100))
    await assert.rejects(write(), { kind: 'configuration' })
    repair = async () => {
      await database.query('alter table iot_messages drop constraint closed')
      await whole.writeRange({ ...ledgerKey, partition: 1 }, range(0, 10, 1), records(0, 10))
    }
    await assert.rejects(write(), { kind: 'transient' })
    await write()
    assert.deepEqual([await count('iot_dead_letters'), await count('iot_messages')], [50, 20])
  })

  it('leave by the output before the batch is written, when that is chosen', async () => {
    const delivered: RejectedRecord[] = []
    let rowsThen = -1
    const writer = await openWriter(connection, {
      deadLetters: undefined,
      deliverRejected: async (rejected) => {
        rowsThen = await count('iot_messages')
        delivered.push(...rejected)
      },
    })
    const batch = records(0, 10)
    for (const index of [2, 7])
      batch[index] = record(index, { payload: index === 2 ? Buffer.from('x') : ONLY_POSTGRES_REFUSES })
    const written = await writer.writeRange(ledgerKey, range(0, 10), batch)
    assert.equal(rowsThen, 0)
    assert.deepEqual(
      delivered.map(({ record, reason }) => [record.kafka?.offset, reason.code]),
      [
        [2, 'JSON_INVALID'],
        [7, '22003'],
      ],
    )
    assert.deepEqual([written.rows, written.rejected.length], [8, 2])
    assert.equal(await count('iot_messages'), 8)
  })

  it('are not written past when the output does not take them', async () => {
    const writer = await openWriter(connection, {
      deadLetters: undefined,
      deliverRejected: () => Promise.reject(new Error('not taken')),
    })
    const batch = [record(0), record(1, { payload: Buffer.from('x') })]
    await assert.rejects(writer.writeRange(ledgerKey, range(0, 2), batch), /not taken/)
    assert.equal(await count('iot_messages'), 0)
    assert.equal(await count('iot_ledger'), 0)
  })

  it('never quote a payload in an error', async () => {
    const secret = 'hunter2'
    const columns = readColumns(
      JSON.stringify([
        { column: 'time', from: 'time' },
        { column: 'number', from: 'payload.number', type: 'integer' },
      ]),
      'jsonb',
    )
    const sink = openSink(connection, { columns })
    const batch = [record(0, { payload: { number: secret } })]
    const { rejected } = await sink.write({ way: 'range', range: range(0, 1), records: batch })
    await sink.close(1000)
    assert.equal(rejected[0]?.reason.code, '22P02')
    assert.doesNotMatch(JSON.stringify(rejected[0]?.reason), /hunter2/)
  })

  it('are refused by PostgreSQL too when they are refused without asking it', async () => {
    await database.query('create table judge (jsonb jsonb, json json, text text)')
    for (const type of ['jsonb', 'json', 'text'] as PayloadType[]) {
      for (const payload of mutants()) {
        if (refusedPayload(payload, type) === undefined) continue
        const writer = new CopyWriter({ schema: 'public', table: 'judge' }, [type])
        const row = Buffer.from(payload.toString('latin1').replace(/[\\\t\r\n]/g, '\\$&'), 'latin1')
        const refusal = connection.transaction('judging', (client) =>
          writer.write(client, Buffer.concat([row, Buffer.from('\n')]), 1),
        )
        await assert.rejects(refusal, { kind: 'data' }, `${type} ${payload.toString('hex')}`)
      }
    }
  })

  /** JSON with one byte changed, taken out or put in, the same ones in every run. */
  function mutants(): Buffer[] {
    const original = Buffer.from('{"a\\u00e9ü":[1.5e3,-0,true,null,"x\\n"]}')
    const bytes = [0x00, 0x01, 0x09, 0x20, 0x22, 0x2c, 0x5c, 0x7f, 0x80, 0xc3, 0xff]
    const all: Buffer[] = [original]
    for (let at = 0; at < original.length; at += 2) {
      all.push(Buffer.concat([original.subarray(0, at), original.subarray(at + 1)]))
      const byte = Buffer.from([bytes[at % bytes.length] as number])
      all.push(Buffer.concat([original.subarray(0, at), byte, original.subarray(at)]))
      all.push(Buffer.concat([original.subarray(0, at), byte, original.subarray(at + 1)]))
    }
    return all
  }
})

describe('a table that does not fit', () => {
  let database: TestDatabase
  let sink: TableSink
  const opened = databaseForEachTest((made) => ({ database } = made))

  const faults = [
    [
      'is dropped',
      'alter table iot_messages rename to away',
      'alter table away rename to iot_messages',
      /no (such )?table/,
    ],
    [
      'loses a column',
      'alter table iot_messages rename column payload to body',
      'alter table iot_messages rename column body to payload',
      /no (such )?column/,
    ],
    [
      'gets a check that nothing passes',
      'alter table iot_messages add constraint closed check (kafka_offset < 0) not valid',
      'alter table iot_messages drop constraint closed',
      /every row refused \(23514\)/,
    ],
  ] as const
  for (const [what, breakIt, mendIt, status] of faults) {
    it(`and ${what} stops the sink, which resumes by itself`, async () => {
      sink = opened({ createTable: false })
      await database.query(
        `create table iot_messages (time timestamptz, tenant_id text, project_id text, mqtt_topic text, payload jsonb,
           message_id text, kafka_topic text, kafka_partition int, kafka_offset bigint)`,
      )
      await sink.write({ way: 'range', range: range(0, 100), records: records(0, 100) })
      await database.query(breakIt)
      const written = sink.write({ way: 'range', range: range(100, 200), records: records(100, 200) })
      while (sink.problem === undefined) await new Promise(setImmediate)
      assert.match(sink.problem.statusText, status)
      await database.query(mendIt)
      assert.equal((await written).rows, 100)
      const [rows] = await database.query(
        'select count(*)::int as rows, count(distinct kafka_offset)::int as offsets from iot_messages',
      )
      assert.deepEqual(rows, { rows: 200, offsets: 200 })
      assert.deepEqual(await database.query('select 1 from iot_dead_letters'), [])
    })
  }

  it('for one partition keeps the sink red until that partition has got through, whatever others store', async () => {
    sink = opened({ createTable: false })
    await database.query(
      `create table iot_messages (time timestamptz, tenant_id text, project_id text, mqtt_topic text, payload jsonb,
         message_id text, kafka_topic text, kafka_partition int check (kafka_partition <> 1), kafka_offset bigint)`,
    )
    const of = (partition: number, from: number): Promise<unknown> => {
      const batch = records(from, from + 100).map((one) => ({ ...one, kafka: { ...one.kafka, partition } }))
      return sink.write({ way: 'range', range: range(from, from + 100, partition), records: batch })
    }
    const stuck = of(1, 0)
    await until('the sink shows it', () => sink.problem !== undefined)
    for (let from = 0; from < 500; from += 100) {
      await of(0, from)
      assert.match(String(sink.problem?.statusText), /every row refused \(23514\)/)
    }
    await database.query('alter table iot_messages drop constraint iot_messages_kafka_partition_check')
    await stuck
    assert.equal(sink.problem, undefined)
  })

  describe('is known in batches of ten', () => {
    beforeEach(() => {
      sink = opened()
    })
    const count = async (table: string): Promise<number> =>
      Number((await database.query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n)
    const write = (from: number, partition = 0, change: object = {}): Promise<unknown> => {
      const batch = records(from, from + 10).map((one) => ({
        ...one,
        kafka: { ...one.kafka, partition },
        ...change,
      }))
      return sink.write({ way: 'range', range: range(from, from + 10, partition), records: batch })
    }
    /** Each partition is a stream of its own that waits for its batch. */
    async function streamUntilStuck(partitions: number): Promise<readonly Promise<unknown>[]> {
      const streams = Array.from({ length: partitions }, async (_, partition) => {
        for (let from = 10; from < 510; from += 10) await write(from, partition)
      })
      await until('the sink shows it', () => sink.problem !== undefined)
      return streams
    }

    for (const [what, breakIt, mendIt, code] of [
      [
        'a column that is never filled',
        'alter table iot_messages add column site text; alter table iot_messages alter column site set not null',
        'alter table iot_messages alter column site drop not null',
        '23502',
      ],
      [
        'a check that nothing passes',
        'alter table iot_messages add constraint closed check (kafka_offset < 10) not valid',
        'alter table iot_messages drop constraint closed',
        '23514',
      ],
    ] as const) {
      for (const partitions of [1, 4]) {
        it(`by ${what}, in ${partitions} partitions: it stops the sink, which resumes by itself`, async () => {
          for (let partition = 0; partition < partitions; partition++) await write(0, partition)
          const fill = breakIt.replace(
            'alter table iot_messages alter',
            "update iot_messages set site = ''; $&",
          )
          await database.query(fill)
          const streams = await streamUntilStuck(partitions)
          assert.equal(sink.problem?.statusText, `PostgreSQL: every row refused (${code})`)
          assert.match(
            sink.problem.message,
            /rows were refused and none was stored, and the table takes no others/,
          )
          const writtenOff = await count('iot_dead_letters')
          assert.ok(writtenOff <= 50, `${writtenOff} dead letters`)

          await database.query(mendIt)
          await Promise.all(streams)
          assert.equal(sink.problem, undefined)
          const letters = await count('iot_dead_letters')
          assert.ok(letters < 100, `${letters} dead letters`)
          assert.equal(await count('iot_messages'), partitions * 510 - letters)
          for (let partition = 0; partition < partitions; partition++) await write(510, partition)
        })
      }
    }

    it('and not by the rubbish of one tenant, whose flood stops no other', async () => {
      const rubbish = { tenant: 't1', payload: Buffer.from('rubbish') }
      await write(0, 1)
      for (let from = 0; from < 300; from += 10) await write(from, 0, rubbish)
      assert.equal(sink.problem, undefined)
      assert.deepEqual([await count('iot_dead_letters'), await count('iot_messages')], [300, 10])
    })
  })
})
