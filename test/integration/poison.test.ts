/**
 * Every poison input, each between two clean records, through a real sink into a real PostgreSQL: it ends as the
 * row or the dead letter that its line says, never as both and never as nothing, and its neighbours are rows.
 */
import assert from 'node:assert/strict'
import { Client } from 'pg'
import { defaultColumns, PAYLOAD_TYPES, readColumns } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { WireRecord } from '../../src/wire/message'
import { ELSEWHERE } from '../poison/elsewhere'
import { POISON } from '../poison/inputs'
import type { PoisonInput, Stage } from '../poison/poison-input'
import { filesIn, readText } from '../support/package'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, type SinkChange } from '../support/sink'

const LAST = 116
const BATCH = 100
const CLEAN = { tenant: 'clean', project: 'p', topic: 'clean/p/d', payload: Buffer.from('{"clean":true}') }

const STAGES: Readonly<Record<Stage, SinkChange>> = {
  ...(Object.fromEntries(
    PAYLOAD_TYPES.map((type) => [type, { columns: defaultColumns(type), payloadType: type }]),
  ) as Record<(typeof PAYLOAD_TYPES)[number], SinkChange>),
  'device time': { columns: defaultColumns('jsonb', true), timeProperty: ['payload', 'time'] },
  'by key': { exactlyOnce: 'key', key: ['tenant_id', 'message_id', 'time'] },
  columns: {
    columns: readColumns(
      JSON.stringify([
        { column: 'kafka_offset', from: 'kafka.offset', type: 'bigint' },
        { column: 'message_id', from: 'messageId' },
        ...Object.entries({
          float8: 'float8',
          int4: 'int4',
          int8: 'int8',
          money: 'numeric(10,2)',
          big: 'numeric',
          measured_at: 'timestamptz',
          code: 'varchar(5)',
          uid: 'uuid',
          flag: 'bool',
          part: 'jsonb',
          label: 'text',
        }).map(([column, type]) => ({ column, from: `payload.${column}`, type })),
      ]),
      'jsonb',
    ),
  },
}

describe('the table of poison inputs', () => {
  it('has every input once, here or where it is held up before the sink', () => {
    const here = new Set([...POISON, ...ELSEWHERE].map(({ id }) => id))
    assert.deepEqual(
      [...here].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
      Array.from({ length: LAST }, (_, index) => `P${index + 1}`),
    )
  })

  const files = new Set(filesIn('test'))
  for (const { id, what, test } of ELSEWHERE) {
    it(`${id}, ${what}: names a test that is there`, () => {
      const [file, title] = test
      assert.ok(files.has(file), `${file} is there`)
      assert.ok(readText(file).includes(title), `${file} has "${title}"`)
    })
  }
})

describe('poison', () => {
  let database: TestDatabase
  let connection: Database
  let client: Client
  before(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query("set timezone to 'UTC'")
  })
  after(async () => {
    await client.end()
    await connection.close(0)
    await database.drop()
  })

  for (const stage of Object.keys(STAGES) as Stage[]) {
    const inputs = POISON.filter((input) => input.stage === stage)
    const name = stage.replace(' ', '_')
    const table = `poison_${name}`
    const letters = `letters_${name}`

    describe(`for a sink of ${stage}`, () => {
      before(async () => {
        const records = inputs.flatMap((input, index) => [clean(2 * index), poisoned(input, 2 * index + 1)])
        records.push(clean(records.length))
        const sink = openSink(connection, {
          table: { schema: 'public', table },
          deadLetters: { schema: 'public', table: letters },
          ledgerName: stage,
          ...STAGES[stage],
        })
        for (let from = 0; from < records.length; from += BATCH) {
          const batch = records.slice(from, from + BATCH)
          await (STAGES[stage].exactlyOnce === 'key'
            ? sink.write({ way: 'records', records: batch })
            : sink.write({ way: 'range', range: range(from, from + batch.length), records: batch }))
        }
        await sink.close(10_000)
      })

      it('all clean records are rows', async () => {
        const { rows } = await client.query<{ count: string }>(
          `select count(*) from ${table} where message_id like 'clean-%'`,
        )
        assert.equal(Number(rows[0]?.count), inputs.length + 1)
      })

      inputs.forEach(({ id, title, end, record }, index) => {
        it(`${id}: ${title}`, async () => {
          const at = [2 * index + 1]
          const rows = await client.query<Record<string, unknown>>(
            `select * from ${table} where kafka_offset = $1`,
            at,
          )
          const dead = await client.query<{ code: string; payload: Buffer }>(
            `select code, payload from ${letters} where kafka_offset = $1`,
            at,
          )
          if ('deadLetter' in end) {
            assert.deepEqual([rows.rowCount, dead.rows.map(({ code }) => code)], [0, [end.deadLetter]])
            if (record.payload instanceof Buffer) assert.deepEqual(dead.rows[0]?.payload, record.payload)
            return
          }
          assert.deepEqual([rows.rowCount, dead.rows], [1, []])
          for (const [column, text] of Object.entries(end.row)) {
            const { rows: found } = await client.query<{ text: string | null; same: boolean }>(
              `select ${column}::text as text, ${sameAs(column, stage)} as same from ${table} where kafka_offset = $1`,
              [...at, text],
            )
            assert.ok(found[0]?.same, `${column} is ${found[0]?.text?.slice(0, 200)}`)
          }
        })
      })
    })
  }

  describe('of another size', () => {
    const sinkFor = (name: string): TableSink =>
      openSink(connection, {
        table: { schema: 'public', table: `poison_${name}` },
        deadLetters: { schema: 'public', table: `letters_${name}` },
        ledgerName: name,
      })

    it('P45: a string of 260 MiB', async function () {
      this.timeout(240_000)
      // Slower than our own limit for a statement on a busy machine.
      const patient = openDatabase(database.url, { statementTimeoutMs: 200_000 })
      const quote = Buffer.from('"')
      const payload = Buffer.concat([quote, Buffer.alloc(260 * 2 ** 20, 'x'), quote])
      const sink = openSink(patient, { ledgerName: 'huge', deadLetters: undefined })
      const huge = sink.write({ way: 'range', range: range(0, 1), records: [{ ...clean(0), payload }] })
      const next = sink.write({ way: 'range', range: range(1, 2), records: [clean(1)] })
      const { rows, rejected } = await huge
      assert.deepEqual([rows, rejected.map(({ reason }) => reason.code)], [0, ['54000']])
      assert.equal((await next).rows, 1)
      await sink.close(1000)
      await patient.close(0)
    })

    it('P94: a batch of more values than a statement may have, good and bad', async () => {
      const sink = sinkFor('many')
      const count = 66_000
      const records = Array.from({ length: count }, (_, offset) => ({
        ...clean(offset),
        payload: Buffer.from(offset % 10 === 0 ? 'rubbish' : '1'),
      }))
      const { rows, rejected } = await sink.write({ way: 'range', range: range(0, count), records })
      await sink.close(1000)
      assert.deepEqual([rows, rejected.length], [count * 0.9, count * 0.1])
      for (const [table, expected] of [
        ['poison_many', rows],
        ['letters_many', rejected.length],
      ] as const) {
        const { rows: counted } = await client.query<{ n: string }>(`select count(*) as n from ${table}`)
        assert.equal(Number(counted[0]?.n), expected)
      }
    })
  })

  it('has put nothing into the prototypes of this process', () => {
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })
})

/** `jsonb` has a form of its own: it is compared by what it means. */
function sameAs(column: string, stage: Stage): string {
  return column === 'payload' && stage === 'jsonb'
    ? `${column} is not distinct from $2::text::jsonb`
    : `${column}::text is not distinct from $2::text`
}

function clean(offset: number): WireRecord {
  return { ...CLEAN, messageId: `clean-${offset}`, kafka: kafkaOf(offset) }
}

function poisoned({ record }: PoisonInput, offset: number): WireRecord {
  const kafka = record.kafka === undefined ? kafkaOf(offset) : { ...record.kafka, offset }
  return { ...CLEAN, messageId: `poison-${offset}`, ...record, kafka }
}

function kafkaOf(offset: number): NonNullable<WireRecord['kafka']> {
  return { topic: 'iot-messages', partition: 0, offset, timestamp: Date.now(), headers: {} }
}
