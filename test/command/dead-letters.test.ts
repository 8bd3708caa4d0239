import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { freePort } from '../../dev/services/free-port'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import type { Database } from '../../src/postgres/connect/database'
import { prepareDeadLetters, storeDeadLetters } from '../../src/postgres/dead-letters/dead-letters'
import type { WireRecord } from '../../src/wire/message'
import { askCommand, runCommand, startCommand, type Env } from '../support/command'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import type { TestDatabase } from '../support/postgres'
import { DEAD_LETTERS } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

interface Group {
  readonly reason: string
  readonly tenant: string
  readonly count: number
  readonly waiting: number
}
interface Report {
  readonly found: number
  readonly delivered: number
  readonly failed: number
  readonly spent: number
  readonly incomplete: number
}

describe('tenant-pipeline dead-letters', () => {
  const BYTES = Buffer.from([0xff, 0x00, 0x1b, 0x5b])
  let database: TestDatabase
  let connection: Database
  let brokers: string
  let topic: string
  let env: Env
  databaseForEachTest((made) => ({ database, connection } = made))
  before(async () => (brokers = (await sharedKafka()).address))
  beforeEach(async () => {
    topic = await createTestTopic(brokers, { partitions: 2 })
    env = { DATABASE_URL: database.url, KAFKA_BROKERS: brokers }
    await prepareDeadLetters(connection, DEAD_LETTERS)
  })

  /** As a sink has refused it. @param n from 0, an hour apart */
  const store = async (n: number, change: Partial<WireRecord> = {}, code = 'JSON_INVALID'): Promise<void> => {
    const record = {
      topic: 'rt/acme/north/d',
      payload: Buffer.from(`no JSON ${n}`),
      tenant: 'acme',
      project: 'north',
      messageId: `m${n}`,
      receivedAt: Date.now(),
      kafka: {
        clusterId: 'c',
        topic,
        partition: 0,
        offset: n,
        key: 'acme/d',
        timestamp: Date.now(),
        headers: { unit: BYTES },
      },
      error: { message: `why ${n}`, code, source: { id: 'gone', type: 't' } },
      ...change,
    }
    const clock = { now: () => Date.UTC(2026, 0, 1, n), newId: randomUUID }
    await connection.transaction('storing', (client) =>
      storeDeadLetters(client, DEAD_LETTERS, deadLettersOf(record, clock)),
    )
  }
  const replay = (...args: readonly string[]) =>
    askCommand<Report>(['dead-letters', 'replay', '--yes', ...args], env)
  const waiting = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      'select count(*)::int as n from iot_dead_letters where replayed_at is null',
    )
    return row?.n ?? -1
  }

  it('lists them by reason and tenant, those of the filter alone', async () => {
    await store(0)
    await store(1)
    await store(2, { tenant: 'other' }, '22P02')
    const list = async (...args: readonly string[]): Promise<Group[]> =>
      (await askCommand<{ groups: Group[] }>(['dead-letters', 'list', ...args], env)).answer.groups
    const shown = (groups: Group[]): unknown[] =>
      groups.map(({ reason, tenant, count, waiting }) => [reason, tenant, count, waiting])
    assert.deepEqual(shown(await list()), [
      ['JSON_INVALID', 'acme', 2, 2],
      ['22P02', 'other', 1, 1],
    ])
    assert.deepEqual(shown(await list('--tenant', 'other')), [['22P02', 'other', 1, 1]])
    assert.deepEqual(shown(await list('--reason', 'JSON_INVALID', '--to', '2026-01-01T01:00:00Z')), [
      ['JSON_INVALID', 'acme', 1, 1],
    ])
    const { out, exit } = await runCommand(['dead-letters', 'list'], env)
    assert.equal(exit, 0)
    assert.match(out, /^JSON_INVALID +acme +2 +2 .* why 1$/m)
  })

  it('exports each as a line of JSON, with every byte', async () => {
    await store(0, { payload: BYTES })
    await store(1)
    const { out, exit, errors } = await runCommand(['dead-letters', 'export'], env)
    assert.deepEqual([exit, errors], [0, '2 dead letters\n'])
    const [second, first] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      [second?.['payload'], second?.['reason'], second?.['tenant']],
      ['no JSON 1', 'why 1', 'acme'],
    )
    assert.deepEqual(first?.['payload'], { base64: BYTES.toString('base64') })
    assert.deepEqual((first?.['headers'] as Record<string, unknown>)['unit'], {
      base64: BYTES.toString('base64'),
    })
    assert.equal((first?.['kafka'] as Record<string, unknown>)['key'], 'acme/d')
    assert.equal(
      (await runCommand(['dead-letters', 'export', '--max', '1'], env)).out.trim().split('\n').length,
      1,
    )
    await database.query(`update iot_dead_letters set replayed_at = now() where reason = 'why 1'`)
    const rest = await runCommand(['dead-letters', 'export', '--waiting'], env)
    assert.match(rest.out, /"reason":"why 0"/)
    assert.ok(!rest.out.includes('why 1'))
  })

  it('exports more than a page', async () => {
    await store(0)
    await database.query(
      `insert into iot_dead_letters (id, failed_at, reason, payload_encoding, payload_length, payload_sha256, payload_is_cut, headers)
       select gen_random_uuid(), now(), 'many', 'bytes', 0, '', false, '{}' from generate_series(1, 1500)`,
    )
    const { out } = await runCommand(['dead-letters', 'export'], env)
    const ids = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id)
    assert.deepEqual([ids.length, new Set(ids).size], [1501, 1501])
  })

  it('replays to the topic that they came from, byte for byte, and marks them', async () => {
    await store(0, { payload: BYTES })
    await store(1, { tenant: 'other' })
    const { answer, exit, errors } = await replay('--tenant', 'acme')
    assert.equal(exit, 0, errors)
    assert.deepEqual([answer.found, answer.delivered, await waiting()], [1, 1, 1])
    assert.match(errors, new RegExp(`1 dead letters to ${topic}`))
    const [record, ...more] = await readTopic(brokers, topic)
    assert.deepEqual(more, [])
    assert.ok(record?.value?.equals(BYTES))
    const {
      tenant,
      'message-id': id,
      'mqtt-topic': mqttTopic,
      'dead-letter-attempts': attempts,
    } = record?.headers ?? {}
    assert.deepEqual(
      [record?.key, tenant, id, mqttTopic, attempts],
      ['acme/d', 'acme', 'm0', 'rt/acme/north/d', '1'],
    )
    assert.equal((await replay('--tenant', 'acme')).exit, 0)
    assert.equal((await readTopic(brokers, topic)).length, 1)
  })

  it('replays more than a window, to another topic if it is asked to', async () => {
    for (let n = 0; n < 250; n++) await store(n)
    const other = await createTestTopic(brokers)
    const { answer } = await replay('--topic', other, '--limit', '220')
    assert.deepEqual([answer.delivered, await waiting()], [220, 30])
    assert.deepEqual(
      (await readTopic(brokers, other)).map(({ headers }) => headers['message-id']),
      Array.from({ length: 220 }, (_, n) => `m${n}`),
    )
    assert.deepEqual(await readTopic(brokers, topic), [])
  })

  it('leaves those alone that have failed too often, or are not whole', async () => {
    await store(0)
    await store(1)
    await database.query(`update iot_dead_letters set attempts = 3 where reason = 'why 0'`)
    await database.query(`update iot_dead_letters set payload_is_cut = true where reason = 'why 1'`)
    await store(2)
    const { answer } = await replay()
    assert.deepEqual([answer.delivered, answer.spent, answer.incomplete], [1, 1, 1])
  })

  it('counts an attempt of what Kafka can never take, and fails', async () => {
    await store(0, { payload: randomBytes(2_000_000) })
    const { answer, exit } = await replay()
    assert.deepEqual([exit, answer.failed, await waiting()], [1, 1, 1])
    const [row] = await database.query<{ attempts: string }>('select attempts from iot_dead_letters')
    assert.equal(row?.attempts, '2')
  })

  it('sends nothing without a yes, or to a topic that is not there', async () => {
    await store(0)
    const unasked = await runCommand(['dead-letters', 'replay'], env)
    assert.equal(unasked.exit, 2)
    assert.match(unasked.errors, /nothing was sent.*--yes/)
    const lost = await runCommand(['dead-letters', 'replay', '--yes', '--topic', uniqueName('none')], env)
    assert.equal(lost.exit, 1)
    assert.match(lost.errors, /there is no Kafka topic none-.*, where 1 dead letters would go/)
    await store(1, { kafka: {} })
    const homeless = await runCommand(['dead-letters', 'replay', '--yes'], env)
    assert.equal(homeless.exit, 2)
    assert.match(homeless.errors, /1 dead letters were never meant for a Kafka topic/)
    const [row] = await database.query<{ most: string }>(
      'select max(attempts)::text as most from iot_dead_letters',
    )
    assert.deepEqual([await waiting(), row?.most, await readTopic(brokers, topic)], [2, '1', []])
  })

  it('can be stopped while Kafka takes nothing, and marks nothing then', async () => {
    await store(0)
    // No in-sync replica is enough for this topic.
    const stuck = await createTestTopic(brokers, { config: { 'min.insync.replicas': '2' } })
    const running = startCommand(['dead-letters', 'replay', '--yes', '--topic', stuck], env)
    await running.says(/1 dead letters to/)
    running.interrupt()
    assert.equal((await running.end()).exit, 1)
    assert.equal(await waiting(), 1)
  })

  it('says that the table is missing, or that a service is down', async () => {
    const down = `127.0.0.1:${await freePort()}`
    for (const command of ['list', 'export', 'replay']) {
      const missing = await runCommand(['dead-letters', command, '--table', 'none'], env)
      assert.equal(missing.exit, 1)
      assert.match(missing.errors, /there is no table "public"."none" of dead letters/)
      const away = await runCommand(['dead-letters', command], {
        ...env,
        DATABASE_URL: `postgres://me@${down}/db`,
      })
      assert.equal(away.exit, 1)
      assert.match(away.errors, /connecting to PostgreSQL at .* failed/)
      assert.equal((await runCommand(['dead-letters', command, '--from', 'soon'], env)).exit, 2)
    }
    await store(0)
    const noKafka = await runCommand(['dead-letters', 'replay', '--yes'], { ...env, KAFKA_BROKERS: down })
    assert.deepEqual([noKafka.exit, await waiting()], [1, 1])
    assert.match(noKafka.errors, /KAFKA_UNREACHABLE/)
  })
})
