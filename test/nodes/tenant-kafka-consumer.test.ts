/** The consumer node in a real Node-RED, against a real Kafka. */
import assert from 'node:assert/strict'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import clusterNode from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import deadLetterNode from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import consumerNode from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { Users } from '../../src/runtime/users'
import type { PositionQuery, PositionStore } from '../../src/wire/positions'
import { PipelineError } from '../../src/wire/errors'
import type { LogEntry } from '../../src/log/event-log'
import type { NodeStatus } from '../../src/runtime/host'
import { asPhrase, phrase } from '../../src/status/phrase'
import { type KafkaRange, type Message, recordsOf, type WireRecord } from '../../src/wire/message'
import { func, node } from '../support/delivery-flow'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
import { compactedTopic } from '../support/compaction'
import { createTestTopic, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { committedOffset, numbered, produce } from '../support/kafka-consumers'
import { readTopic } from '../support/kafka-log'
import {
  deploy,
  helper,
  loadFlow,
  startRuntime,
  stopRuntime,
  untilLogged,
  type FlowEntry,
} from '../support/runtime'
import { until } from '../support/until'

/** Stores what it gets, and fails for good what has the payload "poison" in it. */
function pickySink(RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)
  RED.nodes.registerType('picky-sink', function (this: Node & { stored?: Message[] }, config: NodeDef) {
    RED.nodes.createNode(this, config)
    const stored: Message[] = (this.stored = [])
    this.on('input', (msg, _send, done) => {
      const delivery = tracker.find(msg as Message)
      if (recordsOf(msg as Message).some(({ payload }) => String(payload) === 'poison')) {
        done(new PipelineError('TEST', 'it is poison', { retryable: false }))
        return
      }
      stored.push(msg as Message)
      if (delivery !== undefined) {
        tracker.hold(delivery)
        tracker.confirm(delivery, msg as Message)
      }
      done()
    })
  })
}

/** A database whose ledger answers what the test says. */
let positions: PositionStore['positions'] = () => Promise.resolve({ settled: undefined, sinks: undefined })
function databaseNode(RED: NodeAPI): void {
  RED.nodes.registerType('test-database', function (this: Node & { database?: object }, config: NodeDef) {
    RED.nodes.createNode(this, config)
    const consumers = {
      positions: (query: PositionQuery, assignment: number) => positions(query, assignment),
      begin: () => Promise.resolve(),
      settle: () => Promise.resolve(),
      onRewound: () => () => undefined,
    }
    this.database = { database: { users: new Users() }, ledger: { consumers } }
  })
}

const modules = [clusterNode, consumerNode, deadLetterNode, deliveryNodes, pickySink, databaseNode]

describe('tenant-kafka-consumer', () => {
  let brokers: string
  let group = ''

  before(async () => {
    brokers = (await sharedKafka()).address
    await startRuntime()
  })
  after(stopRuntime)
  beforeEach(() => {
    group = uniqueName('group')
  })
  afterEach(() => helper.unload())

  function flow(
    topics: string,
    { consumer = {}, wires = [['sink'], ['failed']], between = [] as FlowEntry[] } = {},
  ): FlowEntry[] {
    return [
      { id: 'tab', type: 'tab' },
      { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
      { id: 'database', type: 'test-database' },
      {
        id: 'source',
        z: 'tab',
        type: 'tenant-kafka-consumer',
        cluster: 'cluster',
        topics,
        group,
        sessionTimeoutMs: 6000,
        wires,
        ...consumer,
      },
      ...between.map((entry) => ({ z: 'tab', ...entry })),
      { id: 'sink', z: 'tab', type: 'test-sink', wires: [] },
      { id: 'picky', z: 'tab', type: 'picky-sink', wires: [] },
      { id: 'failed', z: 'tab', type: 'test-sink', wires: [] },
    ]
  }

  const sink = (id = 'sink'): TestSink => helper.getNode(id) as TestSink
  const records = (id?: string): WireRecord[] => sink(id).received.flatMap(recordsOf)
  const payloads = (id?: string): string[] => records(id).map(({ payload }) => String(payload))

  function watchStatus(): () => NodeStatus {
    let latest: NodeStatus = {}
    const node = helper.getNode('source') as { on(event: string, listener: (call: unknown) => void): void }
    node.on('call:status', (call) => (latest = (call as { args: [NodeStatus] }).args[0]))
    return () => latest
  }

  const committed = (topic: string): Promise<number> => committedOffset(brokers, { group, topic })

  for (const mode of ['batch', 'record']) {
    it(`sends dead letters of a topic again, and ends with one that always fails, with mode ${mode}`, async () => {
      const topic = await createTestTopic(brokers, { partitions: 1 })
      const headers = {
        'dead-letter-id': 'first',
        'dead-letter-reason': 'why',
        'dead-letter-attempts': '1',
        'message-id': 'm-1',
        tenant: 'acme',
      }
      const posing = { 'dead-letter-attempts': '99', tenant: 'acme' }
      await produce(brokers, topic, ['poison', 'good'], 0, headers)
      await produce(brokers, topic, ['{"dead-letter-id":"x","dead-letter-attempts":99}'], 0, posing)
      const entries = flow(topic, { consumer: { mode }, wires: [['picky'], ['dead']] })
      const back = { id: 'dead', z: 'tab', type: 'tenant-dead-letter', cluster: 'cluster', topic, wires: [] }
      await loadFlow(modules, [...entries, back])
      // The first three, and two that came back; the position is after the last of them.
      await until('all are passed', async () => (await committed(topic)) === 5)
      const stored = await readTopic(brokers, topic)
      assert.deepEqual(
        stored.map(({ value, headers: read }) => [
          value?.toString().slice(0, 6),
          read['dead-letter-attempts'],
          read['message-id'],
        ]),
        [
          ['poison', '1', 'm-1'],
          ['good', '1', 'm-1'],
          ['{"dead', '99', undefined],
          ['poison', '2', 'm-1'],
          ['poison', '3', 'm-1'],
        ],
      )
      const taken = (helper.getNode('picky') as { stored: Message[] }).stored.flatMap(recordsOf)
      assert.deepEqual(
        taken.map(({ payload }) => String(payload).slice(0, 6)),
        ['good', '{"dead'],
      )
      const left = helper
        .log()
        .args.filter(([entry]) => (entry as { msg?: LogEntry }).msg?.code === 'REPLAY_LEFT')
      assert.equal(left.length, 1)
    })
  }

  for (const [mode, strip] of [
    ['batch', 'return { batch: true, payload: msg.payload.map(({ payload }) => ({ payload })) }'],
    ['batch', 'return { batch: true, payload: msg.payload.map(({ payload }) => payload) }'],
    ['record', 'return { payload: msg.payload }'],
  ] as const) {
    it(`ends the loop also after a Function with \`${strip}\``, async () => {
      const topic = await createTestTopic(brokers, { partitions: 1 })
      await produce(brokers, topic, ['poison'], 0, { 'dead-letter-id': 'x', 'dead-letter-attempts': '1' })
      const wires = [['strips'], ['failed']]
      await loadFlow(modules, [
        ...flow(topic, { consumer: { mode, maxDeadLetterAttempts: 4 }, wires }),
        func('strips', strip, ['fails']),
        func('fails', 'node.error("never", msg)', []),
        node('catch', 'catch', { scope: ['fails'] }, ['dead']),
        node('dead', 'tenant-dead-letter', { cluster: 'cluster', topic }),
      ])
      await until('it has come back often', async () => (await readTopic(brokers, topic)).length >= 4)
      const stored = await readTopic(brokers, topic)
      assert.deepEqual(
        stored.map(({ value, headers }) => [value?.toString(), headers['dead-letter-attempts']]),
        ['1', '2', '3', '4'].map((attempts) => ['poison', attempts]),
      )
      await until('the position is after the last one', async () => (await committed(topic)) === 4)
    })
  }

  it('emits batches with their range, opens the headers, and commits what the flow has stored', async () => {
    const topic = await createTestTopic(brokers)
    const headers = {
      tenant: 'acme',
      project: 'plant',
      device: 'd1',
      'mqtt-topic': 'a/b',
      'message-id': 'm1',
    }
    await produce(brokers, topic, ['{"t":1}', null], 0, headers)
    await loadFlow(modules, flow(topic))
    const status = watchStatus()
    await until(async () => (await committed(topic)) === 2)
    const message = sink().received[0] as Message
    const range = message.kafka as KafkaRange
    const { clusterId, assignment, ...rest } = range
    assert.equal(typeof assignment, 'number')
    assert.deepEqual(rest, { group, topic, partition: 0, firstOffset: 0, nextOffset: 2 })
    assert.ok(clusterId.length > 0)
    assert.equal(message.batch, true)
    const [first, second] = records()
    assert.equal(String(first?.payload), '{"t":1}')
    assert.equal(second?.payload, null)
    assert.equal(first?.tenant, 'acme')
    assert.equal(first.project, 'plant')
    assert.equal(first.topic, 'a/b')
    assert.equal(first.messageId, 'm1')
    assert.deepEqual(first.levels, { tenant: 'acme', project: 'plant', device: 'd1' })
    assert.equal(first.kafka?.offset, 0)
    await until(() => /lag 0/.test(status().text ?? ''))
  })

  it('emits a message for each record, no more at a time than the window holds', async () => {
    const topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(100))
    await loadFlow(modules, flow(topic, { consumer: { mode: 'record', windowRecords: 10 } }))
    sink().holding = []
    await until(() => sink().holding?.length === 10)
    const { kafka } = sink().received[0] as WireRecord
    assert.deepEqual(
      { ...kafka, clusterId: '', timestamp: 0, headers: {} },
      {
        clusterId: '',
        group,
        topic,
        partition: 0,
        offset: 0,
        nextOffset: 1,
        key: null,
        timestamp: 0,
        headers: {},
      },
    )
    // Stored out of order: only the prefix counts.
    sink().holding?.[1]?.confirm()
    sink().holding?.[0]?.confirm()
    await until(async () => (await committed(topic)) === 2)
    const copies = sink().holding?.slice(2) ?? []
    sink().holding = undefined
    for (const copy of copies) copy.confirm()
    await until(async () => (await committed(topic)) === 100)
    assert.deepEqual(payloads(), numbered(100))
  })

  it('emits again what fails for a transient reason, and continues when it is stored', async () => {
    const topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(10))
    await loadFlow(modules, flow(topic))
    sink().failure = new PipelineError('TEST', 'not now', { retryable: true })
    await until(() => sink().received.length >= 2)
    assert.equal(await committed(topic), 0)
    sink().failure = undefined
    await until(async () => (await committed(topic)) === 10)
  })

  it('takes what the flow ends on purpose as done', async () => {
    const topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(10))
    const drop = { id: 'drop', type: 'function', func: 'return null', outputs: 1, wires: [['sink']] }
    await loadFlow(modules, flow(topic, { wires: [['drop'], []], between: [drop] }))
    await until(async () => (await committed(topic)) === 10)
    assert.equal(sink().received.length, 0)
  })

  it('parts a batch that fails for good: the bad record leaves by the second output, the others pass in order', async () => {
    const topic = await createTestTopic(brokers)
    const values = numbered(20)
    values[7] = 'poison'
    await produce(brokers, topic, values)
    await loadFlow(modules, flow(topic, { wires: [['picky'], ['failed']] }))
    await until(async () => (await committed(topic)) === 20)
    const stored = (helper.getNode('picky') as { stored: Message[] }).stored
    assert.deepEqual(
      stored.flatMap(recordsOf).map(({ payload }) => String(payload)),
      values.filter((value) => value !== 'poison'),
    )
    // The parts tile the partition without the bad record.
    const ranges = stored.map(({ kafka }) => kafka as KafkaRange)
    for (const [i, { firstOffset }] of ranges.entries()) {
      const before = i === 0 ? 0 : (ranges[i - 1] as KafkaRange).nextOffset
      assert.ok(firstOffset === before || (before === 7 && firstOffset === 8))
    }
    assert.deepEqual(payloads('failed'), ['poison'])
    const { error } = sink('failed').received[0] as Message
    assert.equal((error as { code: string }).code, 'TEST')
  })

  it('holds what fails for good and no output takes: red, and its partition is blocked', async () => {
    const topic = await createTestTopic(brokers)
    await produce(brokers, topic, ['0', 'poison', '2'])
    await loadFlow(modules, flow(topic, { wires: [['picky'], []] }))
    const status = watchStatus()
    await until(() => /1 failed and held/.test(status().text ?? ''))
    assert.equal(status().fill, 'red')
    await until(async () => (await committed(topic)) === 1)
  })

  it('begins at the position in the ledger, and waits while the database does not answer', async () => {
    const topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(100))
    let isUp = false
    const queries: PositionQuery[] = []
    let asked = 0
    positions = (query, assignment) => {
      queries.push(query)
      assert.ok(assignment > asked, 'each time it asks, ranges from before are void')
      asked = assignment
      const away = new PipelineError('PG', 'PostgreSQL is away', {
        retryable: true,
        status: phrase('postgres', { problem: asPhrase('connecting') }),
      })
      return isUp ? Promise.resolve({ settled: 40, sinks: undefined }) : Promise.reject(away)
    }
    await loadFlow(modules, flow(topic, { consumer: { database: 'database' } }))
    const status = watchStatus()
    await until(() => status().text === 'PostgreSQL: connecting')
    assert.equal(sink().received.length, 0)
    isUp = true
    await until(() => payloads().length >= 60)
    assert.deepEqual(payloads(), numbered(100).slice(40))
    const { clusterId, ...query } = queries[0] as PositionQuery
    assert.deepEqual(query, { group, topic, partition: 0 })
    const { clusterId: from, assignment } = sink().received[0]?.kafka as KafkaRange
    assert.deepEqual([from, assignment], [clusterId, asked])
  })

  it('names records of other producers by their topic', async () => {
    const topic = await createTestTopic(brokers, { name: `${uniqueName('acme')}.north` })
    await produce(brokers, topic, ['a', null])
    await loadFlow(modules, flow(topic, { consumer: { topicPattern: '{tenant}.{project}' } }))
    await until(() => records().length === 2)
    for (const { tenant, project } of records()) assert.equal([tenant, project].join('.'), topic)
  })

  it('creates its topic when asked to', async () => {
    const topic = uniqueName('made')
    await loadFlow(modules, flow(topic, { consumer: { missingTopic: 'create', partitions: 2 } }))
    await until(() => withAdmin(brokers, async (admin) => (await admin.listTopics()).includes(topic)))
    await produce(brokers, topic, ['a'], 1)
    await until(() => payloads().includes('a'))
  })

  it('hands over at a full deploy without losing or repeating what was stored', async () => {
    const topic = await createTestTopic(brokers, { partitions: 2 })
    for (const partition of [0, 1]) await produce(brokers, topic, numbered(3_000, `${partition}-`), partition)
    const entries = flow(topic, { consumer: { maxBatchRecords: 100 } })
    await loadFlow(modules, entries)
    const before = sink()
    await until(() => before.received.length >= 5)
    await deploy(entries, 'full')
    assert.notEqual(sink(), before)
    const all = (): string[] =>
      [...before.received, ...sink().received].flatMap(recordsOf).map(({ payload }) => String(payload))
    await until(() => new Set(all()).size === 6_000)
    assert.equal(all().length, 6_000)
  })

  /** A Function node `end` that ends every message on purpose. */
  function endingBefore(next: string): FlowEntry {
    return { id: 'end', type: 'function', func: 'return null', outputs: 1, libs: [], wires: [[next]] }
  }

  it('stays before a batch that the flow has ended when that is a failure, until an output takes it', async () => {
    const topic = await createTestTopic(brokers, { partitions: 1 })
    await produce(brokers, topic, numbered(3))
    const held = (wires: string[][]): FlowEntry[] =>
      flow(topic, { consumer: { whenFiltered: 'fail' }, wires, between: [endingBefore('sink')] })
    await loadFlow(modules, held([['end'], []]))
    const status = watchStatus()
    await until('the first is held', () => /1 failed and held: the flow ended/.test(String(status().text)))
    assert.ok((await committed(topic)) <= 0)
    await deploy(held([['end'], ['failed']]), 'nodes')
    await until('all are taken and passed', async () => (await committed(topic)) === 3)
    assert.equal(new Set(payloads('failed')).size, 3)
  })

  it('counts in the log what the flow has ended on purpose, and continues; warns of a Join downstream', async () => {
    const topic = await createTestTopic(brokers, { partitions: 1 })
    await produce(brokers, topic, numbered(3))
    const join = { id: 'join', type: 'join', mode: 'auto', wires: [['sink']] }
    await loadFlow(modules, flow(topic, { wires: [['end'], []], between: [endingBefore('join'), join] }))
    const status = watchStatus()
    await until('all are passed', async () => (await committed(topic)) === 3)
    await until('the status warns', () => /join node merges messages/.test(String(status().text)))
    type Spy = { getCalls(): { args: [LogEntry] }[] }
    const { log, warn } = helper.getNode('source') as Record<'log' | 'warn', Spy>
    const entries = [...log.getCalls(), ...warn.getCalls()].map(({ args: [entry] }) => entry)
    const counted = entries.filter(({ code }) => code === 'FILTERED').map(({ counts }) => counts?.records)
    assert.deepEqual(counted, [3])
    assert.ok(entries.some(({ code }) => code === 'FLOW_MERGES'))
  })

  it('warns of a compacted topic, in which Kafka deletes what it has not read yet', async () => {
    const topic = await createTestTopic(brokers, { config: { 'cleanup.policy': 'compact' } })
    await loadFlow(modules, flow(topic))
    const { warn } = helper.getNode('source') as { warn: { args: LogEntry[][] } }
    await until('the log warns', () =>
      warn.args
        .flat()
        .some(({ code, message }) => code === 'KAFKA_TOPIC_UNSAFE' && /is compacted/.test(message)),
    )
  })

  it('counts in the log what Kafka has compacted away before it was read', async () => {
    const { topic } = await compactedTopic(brokers)
    await loadFlow(modules, flow(topic))
    await untilLogged('source', 'KAFKA_GAP')
  })

  it('says in the log which of its topics are missing, and when they are read', async () => {
    const topic = await createTestTopic(brokers)
    const missing = uniqueName('missing')
    await loadFlow(modules, flow(`${topic}, ${missing}`))
    await untilLogged('source', 'KAFKA_PARTITIONS_AWAY')
    await createTestTopic(brokers, { name: missing })
    await untilLogged('source', 'KAFKA_PARTITIONS_BACK')
  })

  it('says in the log which topics its pattern leaves out, and what it gives up to another member', async () => {
    const topic = await createTestTopic(brokers, { partitions: 2 })
    await createTestTopic(brokers, { name: `__${topic}` })
    const entries = flow(`/${topic}$/`)
    await loadFlow(modules, entries)
    await untilLogged('source', 'KAFKA_TOPIC_EXCLUDED')
    await untilLogged('source', 'KAFKA_ASSIGNED')
    await deploy([...entries, { ...(entries[3] as FlowEntry), id: 'other' }], 'nodes')
    await untilLogged('source', 'KAFKA_REVOKED')
  })

  it('says what is wrong with its settings, and does nothing', async () => {
    await loadFlow(modules, flow('a b'))
    const { error } = helper.getNode('source') as { error: { args: LogEntry[][] } }
    const [entry] = error.args.flat()
    assert.equal(entry?.code, 'CONFIG_REFUSED')
    assert.match(entry.message, /"a b" is no Kafka topic/)
  })
})
