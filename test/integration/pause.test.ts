/** Sources that the operator pauses: nothing enters the flow, the broker or Kafka keeps it, and all comes once afterwards. */
import assert from 'node:assert/strict'
import { connectAsync, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import clusterNode from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import consumerNode from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import brokerNode from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import sourceNode from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import { english } from '../../src/status/text'
import { recordsOf } from '../../src/wire/message'
import { watchedNodes } from '../../src/watch/watched-nodes'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { committedOffset, numbered, produce } from '../support/kafka-consumers'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  stopRuntime,
  type FlowEntry,
} from '../support/runtime'
import { SourceFlow } from '../support/source-flow'
import { until } from '../support/until'

const modules = [brokerNode, sourceNode, clusterNode, consumerNode, deliveryNodes]

interface Asking {
  post(
    path: string,
  ): Promise<{ readonly status: number; readonly body: { paused?: boolean; message?: string } }>
}

const ask = (path: string): ReturnType<Asking['post']> => (helper.request() as Asking).post(path)
const sink = (): TestSink => helper.getNode('sink') as TestSink
const payloads = (): string[] =>
  sink()
    .received.flatMap(recordsOf)
    .map(({ payload }) => String(payload))
const held = (): NonNullable<TestSink['holding']> => sink().holding as NonNullable<TestSink['holding']>
const isReady = (id: string): boolean => {
  const node = watchedNodes.all.find((each) => each.id === id)
  return node?.unready?.() === undefined
}

describe('a paused source', () => {
  let broker: Mosquitto
  let publisher: MqttClient
  let brokers: string
  before(async () => {
    broker = await startMosquitto()
    publisher = await connectAsync(broker.address, { protocolVersion: 5 })
    brokers = (await sharedKafka()).address
    await startRuntime()
  })
  after(async () => {
    await stopRuntime()
    await publisher.endAsync(true)
    await broker.stop()
  })
  afterEach(() => helper.unload())

  describe('of MQTT', () => {
    let name: string
    let flow: FlowEntry[]
    let source: SourceFlow
    beforeEach(async () => {
      name = uniqueName('pause')
      flow = SourceFlow.entries({ url: broker.address, name })
      await loadFlow(modules, flow)
      source = SourceFlow.attach()
      await source.untilConnected()
    })
    const publish = (from: number, to: number): Promise<unknown> =>
      Promise.all(
        numbered(to)
          .slice(from)
          .map((text) => publisher.publishAsync(`${name}/device`, text, { qos: 1 })),
      )

    it('leaves the broker, which queues, and sends each message once when it resumes', async () => {
      sink().holding = []
      await publish(0, 5)
      await until('five are in the flow', () => held().length === 5)
      assert.deepEqual((await ask('/tenant-mqtt-source/source/pause')).body, { paused: true })
      await source.untilText(/^paused · 5 in flight/)
      assert.ok(isReady('source'), 'a person decides about it: no probe does')
      await publish(5, 30)
      for (const copy of held().splice(0)) copy.confirm()
      await source.untilText(/^paused · 0 in flight/)
      sink().holding = undefined
      assert.deepEqual(payloads(), numbered(5))

      assert.deepEqual((await ask('/tenant-mqtt-source/source/resume')).body, { paused: false })
      await until('all are there', () => payloads().length >= 30)
      await source.untilText(/0 in flight/)
      assert.deepEqual(payloads(), numbered(30))
      assert.deepEqual(
        loggedCodes('source').filter((code) => code.startsWith('SOURCE_')),
        ['SOURCE_PAUSED', 'SOURCE_RESUMED'],
      )
      assert.ok(!loggedCodes('source').includes('MQTT_RESTING'))
    })

    it('is paused once, whatever is pressed, and resumes with a deploy of the node', async () => {
      for (let time = 0; time < 2; time++)
        assert.equal((await ask('/tenant-mqtt-source/source/pause')).status, 200)
      assert.equal(loggedCodes('source').filter((code) => code === 'SOURCE_PAUSED').length, 1)
      await publish(0, 3)
      await deploy(
        flow.map((entry) => (entry.id === 'sink' ? { ...entry, name: 'another' } : entry)),
        'nodes',
      )
      assert.deepEqual(payloads(), [], 'a deploy of another node changes nothing')
      await deploy(flow, 'full')
      await until('all are there', () => payloads().length === 3)
    })

    it('is no source of another type, and none that is not deployed', async () => {
      for (const path of ['/tenant-mqtt-source/other/pause', '/tenant-kafka-consumer/source/pause']) {
        const { status, body } = await ask(path)
        assert.equal(status, 404)
        assert.match(body.message ?? '', /deploy it/)
      }
    })
  })

  it('of Kafka stays in its group, and sends each record once and in order when it resumes', async () => {
    const topic = await createTestTopic(brokers)
    const group = uniqueName('group')
    await loadFlow(modules, [
      { id: 'tab', type: 'tab' },
      { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
      {
        id: 'consumer',
        z: 'tab',
        type: 'tenant-kafka-consumer',
        cluster: 'cluster',
        topics: topic,
        group,
        sessionTimeoutMs: 6000,
        wires: [['sink'], []],
      },
      { id: 'sink', z: 'tab', type: 'test-sink', wires: [] },
    ])
    await produce(brokers, topic, numbered(10))
    await until(
      'the first are settled',
      async () => (await committedOffset(brokers, { group, topic })) === 10,
    )
    assert.equal((await ask('/tenant-kafka-consumer/consumer/pause')).body.paused, true)
    await produce(brokers, topic, numbered(40).slice(10))
    const node = watchedNodes.all.find(({ id }) => id === 'consumer')
    const read = (): unknown => node?.samples?.().kafka_consumer_messages_consumed_total
    // What is read ahead waits before the flow.
    await until('it has read ahead', () => Number(read()) > 10)
    assert.deepEqual(payloads(), numbered(10))
    const status = (): string => english(node?.status?.().text ?? [])
    await until('its status says so', () => status() === 'paused · 1 in flight · lag 0')
    assert.ok(isReady('consumer'))

    assert.equal((await ask('/tenant-kafka-consumer/consumer/resume')).body.paused, false)
    await until('all are settled', async () => (await committedOffset(brokers, { group, topic })) === 40)
    assert.deepEqual(payloads(), numbered(40))
    assert.equal(loggedCodes('consumer').filter((code) => code === 'KAFKA_ASSIGNED').length, 1)
  })
})
