/** Where a consumer begins again when the sinks behind it are not equally far, or the topic is not the one it was. */
import assert from 'node:assert/strict'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaConsumer from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import type { SourceHolder } from '../../nodes/tenant-kafka-consumer/stopped-routes'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { KafkaSource } from '../../src/kafka/consume/source'
import { createTestTopic, deleteRecordsBefore, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { committedOffset, numbered, produce } from '../support/kafka-consumers'
import { createDatabaseAt, createTestDatabase, type TestDatabase } from '../support/postgres'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  statusText,
  stopRuntime,
  type FlowEntry,
} from '../support/runtime'
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
  const holdsOne = (sinkId: string): Promise<void> =>
    until(`${sinkId} holds a batch`, () => statusText(sinkId).endsWith(', 1 batch waiting'))

  it('begins where a sink is that has never written, not where the other one has got to', async () => {
    const entries = flow(topic, sink('a'), sink('b', { createTable: false, table: 'later' }))
    await write(300)
    await loadFlow(modules, entries)
    await until('the first sink has written', async () => (await offsets('iot_messages')).length === 300)
    await holdsOne('b')
    await deploy(entries, 'full')
    await database.query('create table later (like iot_messages including defaults)')
    // The batch that comes again is longer now: the first sink writes a part of it.
    await write(200)
    await until('the second sink has written', async () => (await offsets('later')).length >= 500)
    await until('both have settled', async () => (await committedOffset(brokers, { group, topic })) === 500)
    assert.deepEqual(await offsets('later'), upTo(500))
    assert.deepEqual(await offsets('iot_messages'), upTo(500))
  })

  /** The flow as it is after an import: the nodes have other ids. */
  const copyOf = (entries: FlowEntry[]): FlowEntry[] => {
    const isCopied = ({ type }: FlowEntry): boolean =>
      ['tenant-kafka-consumer', 'tenant-postgres-sink'].includes(type)
    return entries.filter(isCopied).map((entry) => ({
      ...entry,
      id: `${entry.id}2`,
      wires: (entry.wires as string[][]).map((ids) => ids.map((id) => `${id}2`)),
    }))
  }
  const written = (count: number): Promise<void> =>
    until(`${count} are written`, async () => (await offsets('iot_messages')).length >= count)

  it('are those of all copies of a flow: whichever reads a partition, nothing is written twice', async () => {
    const original = flow(topic, sink('a'))
    const copy = [...original.filter(({ id }) => !['consumer', 'a'].includes(id)), ...copyOf(original)]
    let count = 0
    for (const entries of [original, copy, original]) {
      await write(100)
      count += 100
      if (count === 100) await loadFlow(modules, entries)
      else await deploy(entries, 'full')
      await written(count)
    }
    await deploy([...original, ...copyOf(original)], 'full')
    await write(100)
    await written(400)
    assert.deepEqual(await offsets('iot_messages'), upTo(400))
  })

  it('are kept when a ledger of an older version had them under the ids of nodes', async () => {
    const entries = flow(topic, sink('a'))
    await write(100)
    await loadFlow(modules, entries)
    await until('all is settled', async () => (await committedOffset(brokers, { group, topic })) === 100)
    await deploy([{ id: 'tab', type: 'tab' }], 'full')
    await database.query(`delete from iot_ledger where sink = ''`)
    await database.query(`update iot_ledger set sink = 'a'`)
    await database.query('drop view iot_ledger_audit')
    await database.query('alter table iot_ledger drop column target')
    await withAdmin(brokers, (admin) =>
      admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '50' }] }),
    )
    await write(100)
    await deploy(entries, 'full')
    await written(200)
    assert.deepEqual(await offsets('iot_messages'), upTo(200))
    assert.deepEqual(await database.query('select sink from iot_ledger_audit'), [
      { sink: 'public.iot_messages' },
    ])
  })

  it('do not go back to a sink that the flow feeds rarely, whatever Kafka has deleted since', async () => {
    const entries = [
      ...flow(topic, {
        ...{ id: 'rarely', z: 'tab', type: 'function', wires: [['a']] },
        func: 'const { firstOffset } = msg.kafka; return firstOffset < 10 || firstOffset >= 200 ? msg : null',
      }),
      sink('a'),
    ]
    await write(10)
    await loadFlow(modules, entries)
    await written(10)
    await write(190)
    await until('all is settled', async () => (await committedOffset(brokers, { group, topic })) === 200)
    await deleteRecordsBefore(brokers, topic, 150)
    await deploy(entries, 'full')
    await write(5)
    await written(15)
    assert.deepEqual(await offsets('iot_messages'), [...upTo(10), ...[200, 201, 202, 203, 204]])
  })

  describe('with a sink in another database than the consumer', () => {
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
      await until('one has continued', async () => (await offsets('iot_messages')).length === 300)
      await holdsOne('b')
      await deploy(entries, 'full')
      await server.restart()
      await write(100)
      await until('both are there', async () => (await committedOffset(brokers, { group, topic })) === 400)
      assert.deepEqual(await offsets('iot_messages'), upTo(400))
      assert.deepEqual(await offsets('iot_messages', topic, elsewhere), upTo(400))
    })
  })

  it('stop a partition whose topic was created again, and has outgrown the position while Node-RED was down', async () => {
    const source = (): KafkaSource => (helper.getNode('consumer') as SourceHolder).source as KafkaSource
    const entries = flow(topic, sink('a'))
    await write(100)
    await loadFlow(modules, entries)
    await until('all is settled', async () => (await committedOffset(brokers, { group, topic })) === 100)
    await deploy(entries, 'full')
    await write(5)
    await written(105)
    await deploy([{ id: 'tab', type: 'tab' }], 'full')
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
    await createTestTopic(brokers, { name: topic })
    await write(150)
    await withAdmin(brokers, (admin) =>
      admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '105' }] }),
    )
    await deploy(entries, 'full')
    await until('the partition stops', async () => (await source().stopped()).length > 0)
    assert.match(
      source().state instanceof Object ? (source().state as { problem: Error }).problem.message : '',
      /created again/,
    )
    await source().release({ topic, partition: 0 }, 0)
    assert.ok(loggedCodes('consumer').includes('KAFKA_RELEASED'))
    await until('all is read', async () => (await committedOffset(brokers, { group, topic })) === 150)
    assert.deepEqual(
      await offsets('iot_messages'),
      [...upTo(105), ...upTo(150)].sort((a, b) => a - b),
    )
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

    // A topic that matches the pattern as well makes the consumer join its group again.
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
