/** Mixes of good and bad rows, of tenants, codes and batches, with a real PostgreSQL. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Database } from '../../src/postgres/connect/database'
import { faultOf } from '../../src/postgres/connect/sqlstate'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { WireRecord } from '../../src/wire/message'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record } from '../support/sink'
import { until } from '../support/until'

/** What a row can be refused for: codes that a trigger raises, and what the record itself is. */
const CODES = [
  '22P02',
  '23514',
  '20000',
  '2F003',
  '0A000',
  '42501',
  '42P01',
  '45000',
  '55000',
  'P0001',
  'XX000',
]
const KINDS = [...CODES, 'RUBBISH', 'PARTITION'] as const
const TENANTS = ['t0', 't1', undefined] as const
/** The most that may be written off while nothing can be stored. */
const SOME_DOZENS = 50

interface Made {
  readonly tenant: (typeof TENANTS)[number]
  readonly bad: (typeof KINDS)[number] | undefined
}

const DEFINITIONS = `
  create table iot_messages (time timestamptz, tenant_id text, project_id text, mqtt_topic text, payload jsonb,
    message_id text, kafka_topic text, kafka_partition int, kafka_offset bigint) partition by list (tenant_id);
  create table known partition of iot_messages for values in ('t0', 't1', null);
  create function judge() returns trigger language plpgsql as $$ begin
    if new.project_id <> 'good' then raise 'no' using errcode = new.project_id; end if;
    return new;
  end $$;
  create sequence gate;
  create function refuse() returns trigger language plpgsql as $$
  declare is_open bigint := 3;
    was bigint := (select last_value from gate);
  begin
    if was = is_open then return new; end if;
    -- A sequence stays moved when the row that has moved it is rolled back.
    if was = is_open - 1 then perform nextval('gate'); end if;
    raise 'closed' using errcode = tg_argv[0];
  end $$;
  create trigger judge before insert on known for each row execute function judge()`

describe('mixes of rows', () => {
  let database: TestDatabase
  let connection: Database
  let sink: TableSink
  before(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    await database.query(DEFINITIONS)
  })
  after(async () => {
    await connection.close(0)
    await database.drop()
  })

  const made = (tenant: Made['tenant'], bad: Made['bad'], offset: number): WireRecord => {
    const fields = {
      tenant: bad === 'PARTITION' ? 'newco' : tenant,
      project: bad === undefined || bad === 'RUBBISH' || bad === 'PARTITION' ? 'good' : bad,
      payload: Buffer.from(bad === 'RUBBISH' ? 'rubbish' : '{}'),
    }
    return record(offset, fields as Partial<WireRecord>)
  }
  /** The code that a dead letter has. */
  const codeOf = (bad: Made['bad']): string | undefined =>
    bad === 'RUBBISH' ? 'JSON_INVALID' : bad === 'PARTITION' ? 'NO_PARTITION' : bad

  let run = 0
  async function withSink(test: () => Promise<void>): Promise<void> {
    await database.query(
      'drop table if exists iot_dead_letters; drop trigger if exists closed on known; truncate iot_messages',
    )
    sink = openSink(connection, {
      createTable: false,
      ledgerName: `run ${++run}`,
    })
    try {
      await test()
    } finally {
      await sink.close(0)
    }
  }
  async function stream(batches: readonly (readonly WireRecord[])[]): Promise<void> {
    for (const batch of batches) {
      const [first, end] = [Number(batch[0]?.kafka?.offset), Number(batch.at(-1)?.kafka?.offset) + 1]
      await sink.write({
        way: 'range',
        range: range(first, end),
        records: batch,
      })
    }
  }
  const stored = async (): Promise<number[]> =>
    (
      await database.query<{ o: string }>('select kafka_offset as o from iot_messages order by kafka_offset')
    ).map(({ o }) => Number(o))
  const letters = async (): Promise<[number, string][]> =>
    (
      await database.query<{ o: string; code: string }>(
        'select kafka_offset as o, code from iot_dead_letters order by kafka_offset',
      )
    ).map(({ o, code }) => [Number(o), code])

  const row = fc.record({
    tenant: fc.constantFrom(...TENANTS),
    bad: fc.option(fc.constantFrom(...KINDS), { nil: undefined, freq: 2 }),
  })

  it('with a good row in each batch: the good ones are stored, each bad one is a dead letter with its code', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(row, { maxLength: 20 }), fc.nat(20)), {
          minLength: 1,
          maxLength: 4,
        }),
        (shapes) =>
          withSink(async () => {
            const all: Made[] = []
            const batches = shapes.map(([rows, at]) => {
              const good: Made = { tenant: 't1', bad: undefined }
              const batch = [...rows.slice(0, at), good, ...rows.slice(at)]
              const from = all.length
              all.push(...batch)
              return batch.map(({ tenant, bad }, n) => made(tenant, bad, from + n))
            })
            await stream(batches)
            const expected = all.map(({ bad }, offset) => [offset, codeOf(bad)] as const)
            assert.deepEqual(
              await stored(),
              expected.filter(([, code]) => code === undefined).map(([offset]) => offset),
            )
            assert.deepEqual(
              await letters(),
              expected.filter(([, code]) => code !== undefined),
            )
          }),
      ),
      { numRuns: 15, endOnFailure: true },
    ))

  it('of which all are refused: the sink stops after some dozens at most, and resumes when that is repaired', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...CODES, '2200H'),
        fc.array(fc.constantFrom(...TENANTS), { minLength: 1, maxLength: 5 }),
        fc.nat(30),
        fc.integer({ min: 5, max: 80 }),
        (code, tenants, before, perBatch) =>
          withSink(async () => {
            const total = before + 160
            const all = Array.from({ length: total }, (_, n) =>
              made(tenants[n % tenants.length], undefined, n),
            )
            if (before > 0) await stream([all.slice(0, before)])
            await database.query(
              `create trigger closed before insert on known for each row execute function refuse('${code}')`,
            )
            const batches = Array.from({ length: Math.ceil(160 / perBatch) }, (_, n) =>
              all.slice(before + n * perBatch, Math.min(total, before + (n + 1) * perBatch)),
            )
            await database.query(`select setval('gate', 1)`)
            const rest = stream(batches)
            await until('the sink stops', () => sink.problem !== undefined)
            const writtenOff = (await letters()).length
            const most = faultOf(code).kind === 'data' ? SOME_DOZENS : 0
            assert.ok(writtenOff <= most, `${writtenOff} dead letters of ${code}, at most ${most}`)
            // The worst moment: the next row is still refused, and those after it pass.
            await database.query(`select setval('gate', 2)`)
            await rest
            assert.equal(sink.problem, undefined)
            assert.equal((await letters()).length, writtenOff)
            assert.equal((await stored()).length, total - writtenOff)
          }),
      ),
      { numRuns: 12, endOnFailure: true },
    ))
})
