/**
 * Payloads by the hundred, made at random: what is JSON becomes a row that means the same, and of everything else
 * PostgreSQL itself, asked row by row and not through COPY, says what must become of it.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { defaultColumns, readColumns, type PayloadType } from '../../src/postgres/rows/columns'
import type { Database } from '../../src/postgres/connect/database'
import { refusedPayload } from '../../src/postgres/refusals/screen'
import type { WireRecord } from '../../src/wire/message'
import { NAUGHTY } from '../poison/naughty-strings'
import { mutatedJson, oddJson } from '../support/odd-json'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { testSeed } from '../support/random'
import { openDatabase, openSink, range, record, type SinkChange } from '../support/sink'

const SAMPLES = 500

/** What PostgreSQL makes of bytes in a column of a type: null, or the SQLSTATE with which it refuses them. */
const VERDICT = `
  create function verdict(bytes bytea, type text) returns text language plpgsql as $$
  begin
    if type = 'json' then perform convert_from(bytes, 'UTF8')::json;
    elsif type = 'jsonb' then perform convert_from(bytes, 'UTF8')::jsonb;
    else perform convert_from(bytes, 'UTF8');
    end if;
    return null;
  exception when others then return sqlstate;
  end $$`

describe('poison, generated at random', () => {
  const seed = testSeed()
  let database: TestDatabase
  let connection: Database
  beforeEach(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
  })
  afterEach(async () => {
    await connection.close(0)
    await database.drop()
  })

  /** Each between two clean records. @returns which were rejected, by their place */
  async function write(
    inputs: readonly Partial<WireRecord>[],
    options: SinkChange,
  ): Promise<ReadonlySet<number>> {
    const sink = openSink(connection, options)
    const batch = inputs.flatMap((input, index) => [record(2 * index, input), record(2 * index + 1)])
    const way = { way: 'range', range: range(0, batch.length), records: batch } as const
    const { rows, rejected } = await sink.write(way)
    await sink.close(1000)
    assert.equal(rows + rejected.length, batch.length)
    return new Set(rejected.map(({ record }) => (record.kafka?.offset ?? NaN) / 2))
  }

  for (const type of ['jsonb', 'json', 'text', 'bytea'] as PayloadType[]) {
    it(`JSON in odd shapes becomes rows that mean the same, as ${type} (seed ${seed})`, async () => {
      const texts = fc.sample(oddJson, { numRuns: SAMPLES, seed })
      const inputs = texts.map((text) => ({ payload: Buffer.from(text) }))
      const rejected = await write(inputs, { columns: defaultColumns(type), payloadType: type })
      assert.deepEqual([...rejected], [])
      const given = `select * from unnest($1::bytea[]) with ordinality as given(bytes, place)`
      const same = {
        jsonb: `payload = convert_from(bytes, 'UTF8')::jsonb`,
        json: `payload::text = convert_from(bytes, 'UTF8')`,
        text: `payload = convert_from(bytes, 'UTF8')`,
        bytea: 'payload = bytes',
      }[type]
      const [counted] = await database.query<{ n: number }>(
        `with given as (${given})
         select count(*)::int as n from given join iot_messages on kafka_offset = 2 * (place - 1) where ${same}`,
        [inputs.map(({ payload }) => payload)],
      )
      assert.equal(counted?.n, texts.length)
    })
  }

  it(`a part of odd JSON is stored as it was written (seed ${seed})`, async () => {
    const texts = fc.sample(oddJson, { numRuns: SAMPLES, seed }).filter((text) => text.trim() !== 'null')
    const inputs = texts.map((text) => ({ payload: Buffer.from(`{"x":0,"part":${text},"y":"part"}`) }))
    const columns = readColumns(
      '[{"column":"kafka_offset","from":"kafka.offset","type":"bigint"},{"column":"part","from":"payload.part","type":"jsonb"}]',
      'jsonb',
    )
    assert.deepEqual([...(await write(inputs, { columns }))], [])
    const [counted] = await database.query<{ n: number }>(
      `select count(*)::int as n from unnest($1::bytea[]) with ordinality as given(bytes, place)
         join iot_messages on kafka_offset = 2 * (place - 1)
        where part = convert_from(bytes, 'UTF8')::jsonb -> 'part'`,
      [inputs.map(({ payload }) => payload)],
    )
    assert.equal(counted?.n, inputs.length)
  })

  for (const type of ['jsonb', 'json', 'text'] as PayloadType[]) {
    it(`of broken JSON exactly what PostgreSQL refuses is rejected, as ${type} (seed ${seed})`, async () => {
      await database.query(VERDICT)
      const payloads = fc.sample(mutatedJson, { numRuns: SAMPLES, seed })
      const verdicts = await database.query<{ refused: string | null }>(
        'select verdict(bytes, $2) as refused from unnest($1::bytea[]) with ordinality as given(bytes, place) order by place',
        [payloads, type],
      )
      const refused = verdicts.flatMap(({ refused }, place) => (refused === null ? [] : [place]))
      const screened = payloads.flatMap((payload, place) =>
        refusedPayload(payload, type) === undefined ? [] : [place],
      )
      const hex = (place: number): string => `${payloads[place]?.toString('hex')}`
      const wrongly = screened.filter((place) => !refused.includes(place))
      assert.deepEqual(wrongly.map(hex), [], 'refused without asking PostgreSQL, which takes it')
      const inputs = payloads.map((payload) => ({ payload }))
      const rejected = await write(inputs, { columns: defaultColumns(type), payloadType: type })
      assert.deepEqual([...rejected].sort((a, b) => a - b).map(hex), refused.map(hex))
    })
  }

  it('naughty strings are what they are, as tenant, topic, key, header and value', async () => {
    const columns = readColumns(
      JSON.stringify([
        { column: 'kafka_offset', from: 'kafka.offset', type: 'bigint' },
        ...[
          'tenant',
          'project',
          'topic',
          'messageId',
          'kafka.key',
          'kafka.headers.naughty',
          'payload.value',
        ].map((from, index) => ({ column: `text_${index}`, from })),
        { column: 'payload', from: 'payload' },
      ]),
      'jsonb',
    )
    const inputs = NAUGHTY.map((naughty, index) => ({
      tenant: naughty,
      project: naughty,
      topic: naughty,
      messageId: naughty,
      payload: Buffer.from(JSON.stringify({ value: naughty })),
      kafka: {
        topic: naughty,
        key: naughty,
        offset: 2 * index,
        timestamp: Date.now(),
        headers: { naughty, [naughty]: naughty },
      },
    }))
    assert.deepEqual([...(await write(inputs, { columns }))], [])
    const [counted] = await database.query<{ n: number }>(
      `select count(*)::int as n from unnest($1::text[]) with ordinality as given(naughty, place)
         join iot_messages on kafka_offset = 2 * (place - 1)
        where naughty = all(array[text_0, text_1, text_2, text_3, text_4, text_5, text_6, payload ->> 'value'])`,
      [NAUGHTY],
    )
    assert.equal(counted?.n, NAUGHTY.length)
  })

  it('naughty strings keep their dead letters too', async () => {
    const inputs = NAUGHTY.map((naughty, index) => ({
      tenant: naughty,
      topic: naughty,
      messageId: naughty,
      payload: Buffer.from([0xff]),
      kafka: { topic: naughty, key: naughty, offset: 2 * index, headers: { naughty } },
    }))
    assert.equal((await write(inputs, {})).size, NAUGHTY.length)
    const [counted] = await database.query<{ n: number }>(
      `select count(*)::int as n from unnest($1::text[]) with ordinality as given(naughty, place)
         join iot_dead_letters on kafka_offset = 2 * (place - 1)
        where naughty = all(array[coalesce(tenant_id, ''), coalesce(mqtt_topic, ''), coalesce(message_id, ''),
                                  coalesce(kafka_topic, ''), convert_from(kafka_key, 'UTF8'), headers ->> 'naughty'])`,
      [NAUGHTY],
    )
    assert.equal(counted?.n, NAUGHTY.length)
  })
})
