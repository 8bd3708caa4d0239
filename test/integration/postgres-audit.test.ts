/** By SQL alone: offsets advanced = rows + dead letters + filtered, whatever became of the records. */
import assert from 'node:assert/strict'
import type { ClientBase } from 'pg'
import type { Database } from '../../src/postgres/connect/database'
import { Ledger } from '../../src/postgres/ledger/ledger'
import type { RowWriter } from '../../src/postgres/write/row-writer'
import { auditLines, type AuditLine } from '../support/audit'
import { readText } from '../support/package'
import type { TestDatabase } from '../support/postgres'
import {
  copyWriter,
  LEDGER,
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

describe('the audit of the ledger', () => {
  let database: TestDatabase
  let connection: Database
  databaseForEachTest((made) => ({ database, connection } = made))
  const audit = (): Promise<AuditLine[]> => auditLines((text) => database.query(text))
  const onlyLine = async (): Promise<Omit<AuditLine, 'sink' | 'partition'>> => {
    const [line, ...more] = await audit()
    assert.ok(line)
    assert.deepEqual(more, [])
    const { sink, partition, ...counts } = line
    assert.deepEqual([sink, partition], ['sink1', 0])
    return counts
  }
  const bad = (offset: number) => record(offset, { payload: Buffer.from('{') })
  const line = (next: number, rows: number, more: Partial<AuditLine> = {}) => ({
    ...{ first: 0, next, rows, deadLetters: 0, filtered: 0, added: 0, unaccounted: 0 },
    ...more,
  })

  it('counts rows, over several batches and those that come again', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange(ledgerKey, range(5, 15), records(5, 15))
    assert.deepEqual(await onlyLine(), line(15, 15))
  })

  it('starts over where a stopped partition is released, for the sinks that cannot continue', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    const { sink, ...query } = ledgerKey
    const { sinks, consumers } = ledgerOf(connection)
    const release = async (offset: number, end: number, deployed = sink): Promise<void> => {
      const withdraw = sinks.register(deployed, deployed)
      await consumers.release(query, offset, end)
      withdraw()
    }
    await release(5, 10)
    await release(90, 100, 'another')
    assert.deepEqual(await onlyLine(), line(10, 10))
    // Retention has deleted the offsets 10 to 89.
    await release(90, 100)
    assert.deepEqual(await onlyLine(), line(90, 0, { first: 90 }))
    await writer.writeRange(ledgerKey, range(90, 95), records(90, 95))
    assert.deepEqual(await onlyLine(), line(95, 5, { first: 90 }))
    // The topic was created again.
    await release(0, 20)
    await writer.writeRange(ledgerKey, range(0, 3), records(0, 3))
    assert.deepEqual(await onlyLine(), line(3, 3))
  })

  it('moves no sink that is not deployed past what it still has to read, but off records that are gone', async () => {
    const writer = await openWriter(connection)
    const { sink, ...query } = ledgerKey
    const away = { ...query, sink: 'away' }
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await writer.writeRange(away, range(0, 4), records(0, 4))
    const positions = async (): Promise<number[]> => (await audit()).map(({ next }) => next)
    const { sinks, consumers } = ledgerOf(connection)
    sinks.register(sink, sink)
    await consumers.release(query, 8, 10)
    assert.deepEqual(await positions(), [4, 10])
    // Created again: it ended at 2 when the partition stopped.
    await consumers.release(query, 0, 2)
    assert.deepEqual(await positions(), [0, 0])
  })

  it('begins where the first batch begins', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(1000, 1010), records(1000, 1010))
    assert.deepEqual(await onlyLine(), line(1010, 10, { first: 1000 }))
  })

  it('counts as filtered what the flow has dropped and what Kafka does not have', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), [record(3), record(7)])
    await writer.writeRange(ledgerKey, range(10, 20), [])
    await writer.writeRange(ledgerKey, range(30, 40), records(30, 40))
    assert.deepEqual(await onlyLine(), line(40, 12, { filtered: 28 }))
  })

  it('counts dead letters, also those that only PostgreSQL finds, and agrees with their table', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 5), [record(0), bad(1), record(2), bad(3), record(4)])
    // Valid for a parser of JSON, but not for jsonb.
    const unpaired = record(6, { payload: Buffer.from('"\\ud800"') })
    await writer.writeRange(ledgerKey, range(5, 8), [record(5), unpaired, record(7)])
    assert.deepEqual(await onlyLine(), line(8, 5, { deadLetters: 3 }))
    const stored = await database.query<{ n: number }>('select count(*)::int as n from iot_dead_letters')
    assert.deepEqual(stored, [{ n: 3 }])
  })

  it('counts rejected records that were stored elsewhere, by the output', async () => {
    const delivered: unknown[] = []
    const writer = await openWriter(connection, {
      deadLetters: undefined,
      deliverRejected: (rejected) => Promise.resolve(void delivered.push(...rejected)),
    })
    await writer.writeRange(ledgerKey, range(0, 4), [record(0), bad(1), bad(2), record(3)])
    assert.equal(delivered.length, 2)
    assert.deepEqual(await onlyLine(), line(4, 2, { deadLetters: 2 }))
  })

  it('adds up when the flow makes several rows from a record', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 3), [record(0), record(0), record(2), record(2)])
    assert.deepEqual(await onlyLine(), line(3, 4, { filtered: 1, added: 2 }))
  })

  it('keeps its sums when rows are dropped by the retention', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await database.query('truncate iot_messages')
    assert.deepEqual(await onlyLine(), line(10, 10))
  })

  it('shows rows that did not reach the table', async () => {
    const writer = await openWriter(connection)
    await database.query(
      `create function swallow() returns trigger language plpgsql as 'begin return null; end'`,
    )
    await database.query(
      `create trigger swallow before insert on iot_messages for each row when (new.kafka_offset = 4) execute function swallow()`,
    )
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    assert.deepEqual(await onlyLine(), line(10, 9, { unaccounted: 1 }))
  })

  // ---- what PostgreSQL counts, and what it does not, for each kind of relation ----------------------------------

  const ELSEWHERE = 'create table elsewhere (time timestamptz, kafka_offset bigint)'
  const PUT = 'insert into elsewhere values (new.time, new.kafka_offset);'
  const trigger = (body: string): string =>
    `create function decide() returns trigger language plpgsql as $$ begin ${body} end $$`
  const ON_TABLE =
    'create trigger decide before insert on iot_messages for each row execute function decide()'
  /** In place of the table a view on it, as when its schema was changed under a program that writes. */
  const AS_VIEW = [
    'alter table iot_messages rename to behind',
    'create view iot_messages as select * from behind',
    'create trigger decide instead of insert on iot_messages for each row execute function decide()',
  ]
  interface Kind {
    readonly statements: readonly string[]
    /** Of ten rows. */
    readonly rows: number
  }
  const kinds: Record<string, Kind> = {
    'a table with a trigger after each row': {
      statements: [
        ELSEWHERE,
        trigger(`${PUT} return null;`),
        'create trigger decide after insert on iot_messages for each row execute function decide()',
      ],
      rows: 10,
    },
    'a table with a trigger that changes rows, and keeps a log': {
      statements: [ELSEWHERE, trigger(`${PUT} new.project_id := 'x'; return new;`), ON_TABLE],
      rows: 10,
    },
    'a table whose trigger puts each row elsewhere': {
      statements: [ELSEWHERE, trigger(`${PUT} return null;`), ON_TABLE],
      rows: 10,
    },
    'a table whose trigger puts some rows elsewhere': {
      statements: [
        ELSEWHERE,
        trigger(`if new.kafka_offset < 4 then ${PUT} return null; end if; return new;`),
        ON_TABLE,
      ],
      rows: 10,
    },
    'a table whose trigger swallows rows': {
      statements: [trigger('if new.kafka_offset < 4 then return null; end if; return new;'), ON_TABLE],
      rows: 6,
    },
    'a table whose trigger swallows rows, and keeps a log': {
      statements: [
        ELSEWHERE,
        trigger(`${PUT} if new.kafka_offset < 4 then return null; end if; return new;`),
        ON_TABLE,
      ],
      rows: 6,
    },
    'a partition whose trigger swallows rows': {
      statements: [
        trigger('if new.kafka_offset < 4 then return null; end if; return new;'),
        `do $$ begin execute format('create trigger decide before insert on %s for each row execute function decide()',
           (select tableoid::regclass from iot_messages limit 1)); end $$`,
      ],
      rows: 6,
    },
    'a table with rules, which do not count for COPY': {
      statements: ['create rule nothing as on insert to iot_messages do instead nothing'],
      rows: 10,
    },
    'a view whose trigger stores the row and returns it': {
      statements: [
        trigger('new.created_at := now(); insert into behind select new.*; return new;'),
        ...AS_VIEW,
      ],
      rows: 10,
    },
    'a view whose trigger stores the row and returns nothing': {
      statements: [
        trigger('new.created_at := now(); insert into behind select new.*; return null;'),
        ...AS_VIEW,
      ],
      rows: 10,
    },
    'a view whose trigger stores some rows and returns all': {
      statements: [
        trigger(
          'if new.kafka_offset >= 4 then new.created_at := now(); insert into behind select new.*; end if; return new;',
        ),
        ...AS_VIEW,
      ],
      rows: 6,
    },
    'a view whose trigger stores rows and keeps a log': {
      statements: [
        ELSEWHERE,
        trigger(`${PUT} new.created_at := now(); insert into behind select new.*; return new;`),
        ...AS_VIEW,
      ],
      rows: 10,
    },
    'a table that inherits, whose trigger puts each row into a child': {
      statements: [
        'alter table iot_messages rename to was_partitioned',
        'create table iot_messages (like was_partitioned including defaults)',
        'create table child () inherits (iot_messages)',
        trigger('insert into child select new.*; return null;'),
        ON_TABLE,
      ],
      rows: 10,
    },
  }
  for (const [title, { statements, rows }] of Object.entries(kinds)) {
    it(`counts what ${title} has stored`, async () => {
      const first = await openWriter(connection)
      await first.writeRecords([record(99)])
      for (const statement of statements) await database.query(statement)
      const writer = await openWriter(connection, { partitions: undefined })
      await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
      assert.deepEqual(await onlyLine(), line(10, rows, { unaccounted: 10 - rows }))
      await writer.writeRange(ledgerKey, range(10, 20), records(10, 20))
      assert.deepEqual(await onlyLine(), line(20, rows + 10, { unaccounted: 10 - rows }))
    })
  }

  it('counts what a trigger puts elsewhere that an operator makes while the sink writes', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    for (const statement of [ELSEWHERE, trigger(`${PUT} return null;`), ON_TABLE]) {
      await database.query(statement)
    }
    // The sink does it at once.
    await assert.rejects(writer.writeRange(ledgerKey, range(10, 20), records(10, 20)), { kind: 'transient' })
    await writer.writeRange(ledgerKey, range(10, 20), records(10, 20))
    await writer.writeRange(ledgerKey, range(20, 30), records(20, 30))
    assert.deepEqual(await onlyLine(), line(30, 30))
  })

  it('shows a position that was moved by hand', async () => {
    const writer = await openWriter(connection)
    await writer.writeRange(ledgerKey, range(0, 10), records(0, 10))
    await database.query('update iot_ledger set next_offset = 25')
    await writer.writeRange(ledgerKey, range(25, 30), records(25, 30))
    assert.deepEqual(await onlyLine(), line(30, 15, { unaccounted: 15 }))
  })

  it('counts nothing of a transaction that was rolled back', async () => {
    const copy = copyWriter()
    let attempts = 0
    const failing: RowWriter = {
      write: async (client: ClientBase, rows, count) => {
        const stored = await copy.write(client, rows, count)
        if (++attempts === 1) await client.query(`do 'begin raise exception using errcode = ''40001''; end'`)
        return stored
      },
    }
    const writer = await openWriter(connection, { writer: failing })
    await assert.rejects(writer.writeRange(ledgerKey, range(0, 5), records(0, 5)), { retryable: true })
    await writer.writeRange(ledgerKey, range(0, 5), records(0, 5))
    assert.deepEqual(await onlyLine(), line(5, 5))
  })

  it('costs no statement besides those of the transaction', async () => {
    const statements: string[] = []
    let batches = 0
    const copy = copyWriter()
    const writer = await openWriter(connection, {
      writer: {
        write: (client, rows, count) => {
          if (++batches === 1) return copy.write(client, rows, count)
          const query = client.query.bind(client) as (...all: unknown[]) => unknown
          client.query = ((...args: unknown[]) => {
            if (typeof args[0] === 'string') statements.push(args[0])
            return query(...args)
          }) as ClientBase['query']
          return copy.write(client, rows, count)
        },
      },
    })
    // The first batch asks whether a trigger decides what is stored.
    await writer.writeRange(ledgerKey, range(0, 5), records(0, 5))
    await writer.writeRange(ledgerKey, range(5, 10), records(5, 10))
    assert.deepEqual(statements, ['commit'])
  })

  it('is in docs/audit.md as it is run here', async () => {
    const sink = openSink(connection)
    await sink.write({ way: 'range', range: range(0, 4), records: [record(0), bad(1), record(2)] })
    const [clean, compared] = [...readText('docs/audit.md').matchAll(/```sql\n([^`]+)```/g)].map(
      ([, sql]) => sql,
    )
    assert.ok(clean !== undefined && compared !== undefined)
    assert.deepEqual(await database.query(clean), [])
    const [seen] = await database.query(compared)
    assert.deepEqual([seen?.['stored_rows'], seen?.['in_table'], seen?.['at_positions']], ['2', '2', '2'])
    await database.query('update iot_ledger set next_offset = 9')
    assert.equal((await database.query(clean)).length, 1)
    await sink.close(0)
  })

  describe('of a ledger that does not count yet', () => {
    beforeEach(async () => {
      await database.query(`create table iot_ledger (
        consumer_group text not null, sink text not null, cluster_id text not null, topic text not null,
        "partition" integer not null, next_offset bigint not null, updated_at timestamptz not null default now(),
        primary key (consumer_group, sink, cluster_id, topic, "partition"))`)
      await database.query(
        `insert into iot_ledger values ('g', 'sink1', 'c', 'iot-messages', 0, 500), ('g', 'other', 'c', 'x', 1, 7)`,
      )
    })

    it('begins at the positions that are there, and keeps them', async () => {
      const sink = openSink(connection)
      await sink.write({ way: 'range', range: range(490, 510), records: records(490, 510) })
      assert.deepEqual(await audit(), [
        { sink: 'other', partition: 1, ...line(7, 0, { first: 7 }) },
        { sink: 'sink1', partition: 0, ...line(510, 10, { first: 500 }) },
      ])
      await sink.close(0)
    })

    it('waits, and says why, where the ledger may not be changed; and continues when it is allowed', async () => {
      const careful = openDatabase(database.url)
      const sink = openSink(careful, { ledger: new Ledger(careful, LEDGER, false) })
      const written = sink.write({ way: 'range', range: range(500, 505), records: records(500, 505) })
      await until('the sink says what is wrong', () => sink.problem !== undefined)
      assert.match(sink.problem?.message ?? '', /older version and has no column first_offset, stored_rows/)
      assert.equal(sink.problem?.statusText, 'PostgreSQL: the ledger needs new columns')
      await ledgerOf(connection).prepare()
      assert.equal((await written).rows, 5)
      await sink.close(0)
      await careful.close(0)
    })
  })
})
