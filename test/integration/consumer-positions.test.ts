/** Where a consumer begins again when the sinks behind it are not equally far, or the topic is not the one it was. */
import assert from 'node:assert/strict'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaConsumer from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import type { SourceHolder } from '../../nodes/tenant-kafka-consumer/stopped-routes'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { KafkaSource } from '../../src/kafka/source'
import { createTestTopic, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { committedOffset, numbered, produce } from '../support/kafka-consumers'
import { createDatabaseAt, createTestDatabase, type TestDatabase } from '../support/postgres'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const modules = [tenantKafkaCluster, tenantKafkaConsumer, tenantPostgres, tenantPostgresSink]

describe('the positions of a consumer', function () {
  this.timeout(120_000)
  let brokers: string
  let group: string
  let topic: string
  let database: TestDatabase

  before(async () => {
    brokers = (await sharedKafka()).address
    await startRuntime()
  })
  after(stopRuntime)
  beforeEach(async () => {
    group = uniqueName('group')
    topic = await createTestTopic(brokers)
    database = await createTestDatabase()
  })
  afterEach(async () => {
    await helper.unload()
    await database.drop()
  })

  const postgres = (id: string, url: string): FlowEntry => ({
    id,
    type: 'tenant-postgres',
    address: 'url',
    url,
  })
  const sink = (id: string, more: object = {}): FlowEntry => {
    return { id, z: 'tab', type: 'tenant-postgres-sink', database: 'db', wires: [[]], ...more }
  }
  const flow = (topics: string, ...sinks: FlowEntry[]): FlowEntry[] => [
    { id: 'tab', type: 'tab' },
    { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
    postgres('db', database.url),
    {
      id: 'consumer',
      z: 'tab',
      type: 'tenant-kafka-consumer',
      cluster: 'cluster',
      database: 'db',
      topics,
      group,
      sessionTimeoutMs: 6000,
      wires: [sinks.map(({ id }) => id), []],
    },
    ...sinks,
  ]
  const write = (count: number, to = topic): Promise<void> =>
    produce(brokers, to, numbered(count), 0, { tenant: 't', project: 'p' })

  /** The offsets of a topic that are in a table, in order, each as often as it is there. */
  async function offsets(table: string, of = topic, where = database): Promise<number[]> {
    const [found] = await where.query<{ t: string | null }>('select to_regclass($1)::text as t', [table])
    if (typeof found?.t !== 'string') return []
    const rows = await where.query<{ o: number }>(
      `select kafka_offset::float8 as o from ${table} where kafka_topic = $1 order by 1`,
      [of],
    )
    return rows.map(({ o }) => o)
  }
  const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index)
  const holds = async (sinkId: string, batches: number): Promise<void> =>
    until(`${sinkId} holds ${batches}`, () => {
      const { sink: running } = helper.getNode(sinkId) as { sink: { waiting: number; problem?: object } }
      return running.waiting === batches && running.problem !== undefined
    })

  it('begins where a sink is that has never written, not where the other one has got to', async () => {
    const entries = flow(topic, sink('a'), sink('b', { createTable: false, table: 'later' }))
    await write(300)
    await loadFlow(modules, entries)
    await until('the first sink has written', async () => (await offsets('iot_messages')).length === 300)
    await holds('b', 1)
    await deploy(entries, 'full')
    await database.query('create table later (like iot_messages including defaults)')
    // The batch that comes again is longer now: the first sink writes a part of it.
    await write(200)
    await until('the second sink has written', async () => (await offsets('later')).length >= 500)
    await until('both have settled', async () => (await committedOffset(brokers, { group, topic })) === 500)
    assert.deepEqual(await offsets('later'), upTo(500))
    assert.deepEqual(await offsets('iot_messages'), upTo(500))
  })

  describe('with a sink in another database than "Positions in"', () => {
    let server: OwnPostgres
    let elsewhere: TestDatabase
    before(async () => {
      server = await startOwnPostgres()
      elsewhere = await createDatabaseAt(server.address)
    })
    after(() => server.stop())

    it('begins where that sink is when it was down', async () => {
      const entries = [
        ...flow(topic, sink('a'), sink('b', { database: 'elsewhere' })),
        postgres('elsewhere', elsewhere.url),
      ]
      await write(100)
      await loadFlow(modules, entries)
      await until('both have written', async () => (await committedOffset(brokers, { group, topic })) === 100)
      await server.kill()
      await write(200)
      await until('one has gone on', async () => (await offsets('iot_messages')).length === 300)
      await holds('b', 1)
      await deploy(entries, 'full')
      await server.restart()
      await write(100)
      await until('both are there', async () => (await committedOffset(brokers, { group, topic })) === 400)
      assert.deepEqual(await offsets('iot_messages'), upTo(400))
      assert.deepEqual(await offsets('iot_messages', topic, elsewhere), upTo(400))
    })
  })

  it('keeps a partition stopped whose topic was created again and has outgrown the position, until it is released', async () => {
    const source = (): KafkaSource => (helper.getNode('consumer') as SourceHolder).source as KafkaSource
    const isStopped = async (): Promise<boolean> =>
      (await source().stopped()).some((stopped) => stopped.topic === topic)
    const entries = flow(`/^${topic}/`, sink('a'))
    await write(100)
    await loadFlow(modules, entries)
    await until('all is written', async () => (await committedOffset(brokers, { group, topic })) === 100)
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
    await createTestTopic(brokers, { name: topic })
    await write(10)
    await until('the partition stops', isStopped)
    await write(140)

    // A topic that matches the pattern as well makes the consumer join its group anew.
    const second = await createTestTopic(brokers, { name: `${topic}-2` })
    await write(5, second)
    await until('the new topic is read', async () => (await offsets('iot_messages', second)).length === 5)
    await until('the partition is stopped again', isStopped)
    await deploy(entries, 'full')
    await until('the partition is stopped in the new flow', isStopped)
    assert.deepEqual(await offsets('iot_messages'), upTo(100))

    await source().release({ topic, partition: 0 }, 0)
    await until('all is read', async () => (await committedOffset(brokers, { group, topic })) === 150)
    const both = [...upTo(100), ...upTo(150)].sort((a, b) => a - b)
    assert.deepEqual(await offsets('iot_messages'), both)
  })
})
