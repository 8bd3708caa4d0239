import assert from 'node:assert/strict'
import type { Node } from 'node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka } from '../../dev/services/kafka'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import type { ClusterNode } from '../../src/kafka/require-cluster'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import type { NodeStatus } from '../../src/runtime/host'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { createTestTopic, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  stopRuntime,
  untilLogged,
  type FlowEntry,
} from '../support/runtime'
import { until } from '../support/until'

const modules = [deliveryNodes, tenantKafkaCluster, tenantKafkaProducer]
const tab = { id: 'tab', type: 'tab', label: 'test' }
const source = { id: 'source', type: 'test-source', z: 'tab', wires: [['producer']] }
const dead = { id: 'dead', type: 'test-sink', z: 'tab', wires: [] }
const clusterAt = (brokers: string): FlowEntry => ({
  id: 'cluster',
  type: 'tenant-kafka-cluster',
  brokers,
  connectionTimeoutMs: 1000,
  requestTimeoutMs: 2000,
})
const producer = (config: object = {}, wires: string[][] = [[]]): FlowEntry => ({
  id: 'producer',
  type: 'tenant-kafka-producer',
  name: 'to Kafka',
  z: 'tab',
  cluster: 'cluster',
  wires,
  ...config,
})

async function run(brokers: string, node: FlowEntry): Promise<TestSource> {
  await loadFlow(modules, [tab, clusterAt(brokers), source, node, dead])
  return helper.getNode('source') as TestSource
}

/** Waits until the node shows a status with this text. */
function shown(text: RegExp): Promise<void> {
  const node = helper.getNode('producer') as Node & { status: { lastCall: { args: NodeStatus[] } | null } }
  return until(`a status like ${String(text)}`, () => text.test(node.status.lastCall?.args[0]?.text ?? ''))
}

const rejects = (): readonly unknown[] => (helper.getNode('dead') as TestSink).received

describe('tenant-kafka-producer', () => {
  let brokers: string
  let topic: string

  before(async () => {
    await startRuntime()
    brokers = (await sharedKafka()).address
  })
  beforeEach(async () => {
    topic = await createTestTopic(brokers, { partitions: 3 })
  })
  afterEach(() => helper.unload())
  after(stopRuntime)

  it('delivers a message when Kafka has it', async () => {
    const from = await run(brokers, producer())
    const { outcome } = await from.emitMessage({ payload: 'x', tenant: 'acme', kafka: { topic, key: 'k' } })
    assert.equal(outcome, 'delivered')
    const [stored] = await readTopic(brokers, topic)
    assert.deepEqual([stored?.value?.toString(), stored?.key], ['x', 'k'])
    await shown(/\/s · 0 in flight/)
  })

  it('writes what came after its delivery was settled, and says so', async () => {
    const old = { id: 'old', type: 'test-old-node', z: 'tab', delayMs: 900, wires: [['producer']] }
    await loadFlow(modules, [
      tab,
      clusterAt(brokers),
      { ...source, wires: [['old']] },
      old,
      producer({ topic }),
    ])
    const from = helper.getNode('source') as TestSource
    assert.equal((await from.emitMessage({ payload: 'late', tenant: 'acme' })).outcome, 'filtered')
    await until('it is written', async () => (await readTopic(brokers, topic)).length === 1)
    const { warn } = helper.getNode('producer') as {
      warn: { getCalls(): { args: [{ code?: string }] }[] }
    }
    assert.ok(warn.getCalls().some(({ args: [entry] }) => entry.code === 'LATE_COPY'))
  })

  it('delivers a batch when Kafka has all of it', async () => {
    const from = await run(brokers, producer({ topic }))
    const payload = Array.from({ length: 500 }, (_, at) => ({
      payload: String(at),
      kafka: { key: `d${at % 7}` },
    }))
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    assert.equal((await readTopic(brokers, topic)).length, 500)
  })

  it('sends a record that Kafka cannot take to its output, and stores the others', async () => {
    const from = await run(brokers, producer({ topic, compression: 'none' }, [['dead']]))
    const payload = [
      { payload: 'a' },
      { payload: 'x'.repeat(2_000_000), topic: 'mqtt/topic' },
      { payload: 'b' },
    ]
    assert.equal((await from.emitMessage({ batch: true, payload }, 30_000)).outcome, 'delivered')
    assert.equal((await readTopic(brokers, topic)).length, 2)
    const [rejected] = rejects() as { topic?: string; error?: { code?: string; source?: object } }[]
    assert.equal(rejected?.topic, 'mqtt/topic')
    assert.equal(rejected.error?.code, 'KAFKA_RECORD_TOO_LARGE')
    // As JSON: for the tracker there is a symbol on it as well.
    assert.deepEqual(JSON.parse(JSON.stringify(rejected.error.source)), {
      id: 'producer',
      type: 'tenant-kafka-producer',
      name: 'to Kafka',
    })
  })

  it('fails for good a record that Kafka cannot take when its output leads nowhere', async () => {
    const from = await run(brokers, producer({}, []))
    const { outcome, error } = await from.emitMessage({ payload: 'x' })
    assert.equal(outcome, 'failed')
    assert.deepEqual([error?.code, error?.retryable], ['KAFKA_NO_TOPIC', false])
  })

  it('creates the topic when asked to', async () => {
    const created = uniqueName('created')
    const from = await run(brokers, producer({ topic: created, missingTopic: 'create', partitions: '2' }))
    assert.equal((await from.emitMessage({ payload: 'x' }, 30_000)).outcome, 'delivered')
    const cluster = (helper.getNode('cluster') as ClusterNode).cluster
    assert.equal((await cluster?.admin.describeTopic(created))?.partitions, 2)
  })

  it('holds a message while its topic is missing, and says so', async () => {
    const late = uniqueName('late')
    const from = await run(brokers, producer({ topic: late }))
    await shown(/^Kafka: no such topic$/)
    const delivery = from.emitMessage({ payload: 'x' }, 500)
    await shown(/^Kafka: no such topic, 1 waiting$/)
    assert.ok(loggedCodes('producer').includes('KAFKA_TOPIC_MISSING'))
    await createTestTopic(brokers, { name: late })
    assert.equal((await delivery).outcome, 'delivered')
  })

  it('writes what waited for a partition that is gone to those of the recreated topic, and says so', async () => {
    const from = await run(brokers, producer({ topic }))
    // Of three partitions this key has the last one.
    const message = { payload: 'x', kafka: { key: 'device-5' } }
    assert.equal((await from.emitMessage(message)).outcome, 'delivered')
    assert.equal((await readTopic(brokers, topic))[0]?.partition, 2)
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
    const waiting = from.emitMessage(message, 60_000)
    await shown(/^Kafka: no such topic, 1 waiting$/)
    await createTestTopic(brokers, { name: topic })
    assert.equal((await waiting).outcome, 'delivered')
    assert.ok(loggedCodes('producer').includes('KAFKA_PARTITIONS_FEWER'))
  }).timeout(60_000)

  it('gives back what it cannot store when it is deployed again: one line, no error, and its source sends it again', async () => {
    const missing = uniqueName('missing')
    const from = await run(brokers, producer({ topic: missing }))
    await shown(/^Kafka: no such topic$/)
    const deliveries = ['a', 'b', 'c'].map((payload) => from.emitMessage({ payload }, 60_000))
    await shown(/^Kafka: no such topic, 3 waiting$/)
    type Spy = { getCalls(): { thisValue: unknown; args: [{ code?: string }] }[] }
    const before = helper.getNode('producer') as Record<'log' | 'error', Spy>
    const heard = (level: 'log' | 'error') =>
      before[level].getCalls().filter(({ thisValue }) => thisValue === before)
    const errors = heard('error').length
    await deploy([tab, clusterAt(brokers), source, producer({ topic }), dead], 'nodes')
    const outcomes = (await Promise.all(deliveries)).map(({ outcome, error }) => [outcome, error?.code])
    assert.deepEqual(outcomes, Array(3).fill(['failed', 'FLOW_CHANGED']))
    assert.equal(heard('error').length, errors)
    const lines = heard('log').filter(({ args: [entry] }) => entry.code === 'KAFKA_HANDED_BACK')
    assert.equal(lines.length, 1)
  })

  it('stores what it holds when it is deployed again', async () => {
    const flow = (lingerMs: number) => [tab, clusterAt(brokers), source, producer({ topic, lingerMs }), dead]
    const from = await run(brokers, producer({ topic, lingerMs: 10_000 }))
    const sent = Array.from({ length: 100 }, (_, at) => from.emitMessage({ payload: String(at) }))
    const deliveries = () => [...from.tracking.tracker.deliveries()]
    await until('the producer holds them', () => deliveries().every(({ holders }) => holders === 1))
    await deploy(flow(5), 'nodes')
    const outcomes = new Set((await Promise.all(sent)).map(({ outcome }) => outcome))
    assert.deepEqual([...outcomes], ['delivered'])
    assert.equal((await readTopic(brokers, topic)).length, 100)
  })

  for (const [what, config] of [
    ['no cluster', { cluster: '' }],
    ['an impossible topic', { topic: 'a b' }],
    ['a compression that is not there', { compression: 'lz4' }],
  ] as const) {
    it(`says what is wrong with ${what}, and fails messages for now`, async () => {
      const from = await run(brokers, producer(config))
      await shown(/choose a Kafka cluster|check "topic"|no lz4 here/)
      const { outcome, error } = await from.emitMessage({ payload: 'x' })
      assert.deepEqual([outcome, error?.retryable], ['failed', true])
    })
  }

  it('is deployed before there is a Kafka, says so, and delivers when it appears', async function () {
    this.timeout(120_000)
    const port = await freePort()
    const from = await run(`127.0.0.1:${port}`, producer({ topic: 'later', missingTopic: 'create' }))
    const delivery = from.emitMessage({ payload: 'x' }, 500)
    await shown(/^Kafka: not reachable, 1 waiting$/)
    await untilLogged('cluster', 'KAFKA_CLIENT')
    const kafka = await startKafka({ port })
    try {
      assert.equal((await delivery).outcome, 'delivered')
      await shown(/\/s · 0 in flight/)
    } finally {
      await helper.unload()
      await kafka.stop()
    }
  })
})
