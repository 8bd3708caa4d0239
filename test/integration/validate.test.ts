/**
 * Random records between Kafka and PostgreSQL, some of which do not fit their schema: each ends exactly once, as a row or as
 * a dead letter, with the bytes that came; also when Node-RED is killed in between.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { NodeRed, type FlowEntry } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { createTestTopic, sharedKafka, testClient, uniqueName } from '../support/kafka'
import { mutatedJson, oddJson } from '../support/odd-json'
import { exampleFlow } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { testSeed } from '../support/random'
import { until } from '../support/until'

const PARTITIONS = 3
const AT_ONCE = 1000
const SCHEMA = JSON.stringify({
  type: 'object',
  required: ['n'],
  properties: { n: { type: 'integer', minimum: 0, maximum: 99 } },
})

/** The same rule, without a schema. */
function fits(payload: Buffer | null): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      payload ?? Buffer.from('null'),
    )
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    const n = isObject && Object.hasOwn(value, 'n') ? value.n : undefined
    return typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= 99
  } catch {
    return false
  }
}

const payloads: fc.Arbitrary<Buffer | null> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -9, max: 109 }).map((n) => Buffer.from(`{ "n":${n}.0 }`)) },
  { weight: 4, arbitrary: oddJson.map((inner) => Buffer.from(`{"x":${inner},"n":7}`)) },
  { weight: 1, arbitrary: oddJson.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: mutatedJson },
  { weight: 1, arbitrary: fc.constant(null) },
)

/** Example 16 with one rule, a topic of the test, and rows that keep the bytes. */
function flowFor(topic: string): FlowEntry[] {
  const changes: Readonly<Record<string, object>> = {
    'tenant-kafka-consumer': {
      ...{ topics: topic, group: uniqueName('group'), missingTopic: 'wait' },
      ...{ maxBatchRecords: 100, sessionTimeoutMs: 6000 },
    },
    'tenant-validate': { rules: JSON.stringify([{ when: 'any', schema: SCHEMA }]) },
    'tenant-postgres-sink': { payloadType: 'bytea' },
  }
  return exampleFlow('16').map((entry) => ({ ...entry, ...changes[entry.type] }))
}

describe('records that are validated between Kafka and PostgreSQL', function () {
  this.timeout(240_000)
  let brokers: string
  let topic: string
  let database: TestDatabase
  let nodeRed: NodeRed
  let folder: string
  /** By `partition:offset`. */
  const written = new Map<string, Buffer | null>()

  before(async () => {
    brokers = (await sharedKafka()).address
    topic = await createTestTopic(brokers, { partitions: PARTITIONS })
    database = await createTestDatabase()
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-validate-'))
    const env = { KAFKA_BROKERS: brokers, DATABASE_URL: database.url }
    nodeRed = await NodeRed.start({ userDir: folder, port: await freePort(), env, flow: flowFor(topic) })
  })
  after(async () => {
    await nodeRed?.stop()
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function write(values: readonly (Buffer | null)[]): Promise<void> {
    const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    try {
      for (let from = 0; from < values.length; from += AT_ONCE) {
        const partition = (from / AT_ONCE) % PARTITIONS
        const part = values.slice(from, from + AT_ONCE)
        const messages = part.map((value) => ({ value, partition, headers: { tenant: 'acme' } }))
        const [answer] = await producer.send({ topic, acks: -1, messages })
        const first = Number(answer?.baseOffset)
        part.forEach((value, index) => written.set(`${partition}:${first + index}`, value))
      }
    } finally {
      await producer.disconnect()
    }
  }

  async function stored(table: string): Promise<Map<string, Buffer | null>> {
    const [{ found } = {}] = await database.query(`select to_regclass('${table}') as found`)
    if (found === null) return new Map()
    const rows = await database.query<{ at: string; payload: Buffer | null }>(
      `select concat(kafka_partition, ':', kafka_offset) as at, payload from ${table}`,
    )
    const payloadOf = new Map(rows.map(({ at, payload }) => [at, payload]))
    assert.equal(payloadOf.size, rows.length, `records that are in ${table} twice`)
    return payloadOf
  }
  const count = async (): Promise<number> =>
    (await stored('iot_validated')).size + (await stored('iot_dead_letters')).size

  async function untilAccounted(): Promise<void> {
    let found = 0
    await until(
      () => `${written.size} records have ended, not ${found}\n${nodeRed.logTail()}`,
      async () => (found = await count()) >= written.size,
      { pollMs: 250, giveUpMs: 90_000 },
    )
    const sorted = (all: Iterable<[string, Buffer | null]>): string[] =>
      [...all].map(([at, payload]) => `${at} ${payload?.toString('hex') ?? 'nothing'}`).sort()
    const wanted = [...written]
    assert.deepEqual(
      sorted(await stored('iot_validated')),
      sorted(wanted.filter(([, payload]) => fits(payload))),
    )
    assert.deepEqual(
      sorted(await stored('iot_dead_letters')),
      sorted(wanted.filter(([, payload]) => !fits(payload))),
    )
  }

  it('are a row or a dead letter each, with the bytes that came', async () => {
    const batches = fc.array(payloads, { minLength: 1, maxLength: 400, size: 'max' })
    await fc.assert(
      fc.asyncProperty(batches, async (values) => {
        await write(values)
        await untilAccounted()
      }),
      { numRuns: 5, endOnFailure: true },
    )
    assert.ok([...written.values()].some(fits) && ![...written.values()].every(fits))
  })

  it('are that also when Node-RED is killed while it writes them', async () => {
    const before = written.size
    await write(fc.sample(payloads, { numRuns: 9000, seed: testSeed() }))
    await until('some have ended', async () => (await count()) > before + 300)
    await nodeRed.kill('SIGKILL')
    assert.ok((await count()) < written.size, 'it was killed too late')
    await nodeRed.start()
    await untilAccounted()
  })
})
