/**
 * A deploy while Kafka does not answer: what the flow holds cannot be stored, so the old instances have to give it
 * up in time, and the new ones take over the MQTT session only when the old ones have let go of it.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connectAsync, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { freePort } from '../../dev/services/free-port'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import tenantMqttBroker from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import tenantMqttSource from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import type { NodeStatus } from '../../src/runtime/host'
import { FaultProxy } from '../faults/fault-proxy'
import { createTestTopic } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const modules = [tenantMqttBroker, tenantMqttSource, tenantKafkaCluster, tenantKafkaProducer]
const HELD = 50

describe('a deploy while Kafka does not answer', function () {
  this.timeout(120_000)
  let mqtt: Mosquitto
  let kafka: KafkaService
  let kafkaProxy: FaultProxy
  let publisher: MqttClient
  let topic: string
  let name: string

  before(async () => {
    await startRuntime()
    const port = await freePort()
    kafkaProxy = await FaultProxy.start(port)
    ;[mqtt, kafka] = await Promise.all([
      startMosquitto({ savesEveryChange: false }),
      startKafka({ proxied: [{ port, advertisedPort: kafkaProxy.port }] }),
    ])
    publisher = await connectAsync(mqtt.address)
  })
  after(async () => {
    await publisher.endAsync(true)
    await stopRuntime()
    await kafkaProxy.stop()
    await Promise.all([mqtt.stop(), kafka.stop()])
  })
  beforeEach(async () => {
    name = `t${randomBytes(5).toString('hex')}`
    topic = await createTestTopic(kafka.address, { partitions: 1 })
  })
  afterEach(async () => {
    kafkaProxy.set({})
    await helper.unload()
    helper.settings({})
  })

  const flow = (round: number): FlowEntry[] => [
    { id: 'tab', type: 'tab' },
    { id: 'broker', type: 'tenant-mqtt-broker', url: mqtt.address, clientId: name },
    {
      id: 'cluster',
      type: 'tenant-kafka-cluster',
      brokers: kafkaProxy.address,
      connectionTimeoutMs: 2000,
      requestTimeoutMs: 4000,
    },
    {
      id: 'source',
      z: 'tab',
      type: 'tenant-mqtt-source',
      name: `round ${round}`,
      broker: 'broker',
      topic: `${name}/#`,
      wires: [['producer'], []],
    },
    { id: 'producer', z: 'tab', type: 'tenant-kafka-producer', cluster: 'cluster', topic, wires: [[]] },
  ]
  /** The latest status of the running node of that id; the helper's spy sees those of all nodes. */
  const statusOf = (id: string): string => {
    const node = helper.getNode(id) as {
      status: { getCalls(): { thisValue: unknown; args: [NodeStatus] }[] }
    }
    const calls = node.status.getCalls().filter(({ thisValue }) => thisValue === node)
    return String(calls.at(-1)?.args[0].text)
  }
  const publish = (from: number, count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        publisher.publishAsync(`${name}/device`, String(from + at), { qos: 1 }),
      ),
    )
  const stored = async (): Promise<Set<string>> =>
    new Set((await readTopic(kafka.address, topic)).map(({ value }) => String(value)))
  /** Node-RED has given up waiting for a node to close (the helper logs the keys of texts). */
  const timedOut = (): boolean => JSON.stringify(helper.log().args).includes('flows.stopping-error')

  /** Runs the flow, and lets the producer hold messages that Kafka does not answer for. */
  async function holdMessages(): Promise<void> {
    await loadFlow(modules, flow(0))
    await until('the source has subscribed', () => /\/s/.test(statusOf('source')))
    await publish(0, 1)
    await until('the first is in Kafka', async () => (await stored()).size === 1)
    kafkaProxy.set({ blackHole: true })
    await publish(1, HELD)
    await until('the producer holds the others', () => statusOf('producer').includes(`${HELD} in flight`))
  }

  async function nothingIsLost(): Promise<void> {
    kafkaProxy.set({})
    await publish(HELD + 1, 1)
    await until('all are in Kafka', async () => (await stored()).size === HELD + 2)
    assert.doesNotMatch(mqtt.readLog(), /already connected/, 'two connections with one client id')
  }

  it('gives up what it holds before Node-RED gives up waiting, and nothing is lost', async () => {
    await holdMessages()
    await deploy(flow(1), 'full')
    assert.equal(timedOut(), false, 'a node was not closed within the 15 s of Node-RED')
    await nothingIsLost()
  })

  it('lets the new instance wait for the MQTT session when Node-RED has started it too early', async () => {
    helper.settings({ nodeCloseTimeout: 500 })
    await holdMessages()
    const old = helper.getNode('source')
    await deploy(flow(1), 'full')
    assert.equal(timedOut(), true, 'Node-RED has not waited')
    assert.notEqual(helper.getNode('source'), old)
    assert.match(statusOf('source'), /^client ID in use/)
    await until('the new one has the session', () => /\/s/.test(statusOf('source')))
    await nothingIsLost()
  })
})
