/** One bad record among ten, also when a Function node makes single messages of the batch, from a real MQTT broker to a real Kafka: its neighbors are stored once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connectAsync, type MqttClient } from 'mqtt'
import { startAedes } from '../../dev/services/mqtt'
import type { Service } from '../../dev/services/service'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import tenantMqttBroker from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import tenantMqttSource from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import type { NodeStatus } from '../../src/runtime/host'
import { func, node, sink, tab } from '../support/delivery-flow'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
import { createTestTopic, sharedKafka } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const modules = [deliveryNodes, tenantMqttBroker, tenantMqttSource, tenantKafkaCluster, tenantKafkaProducer]
const numbers = Array.from({ length: 10 }, (_, n) => String(n))
const BAD = '4'

/** What makes a record a bad one, in a Function node. */
const IN_PLACE: Readonly<Record<string, string>> = {
  'a partition that is none': `return { ...record, kafka: { partition: -1 } }`,
  null: 'return null',
  'its bytes alone': 'return record.payload',
}
const FAULTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(IN_PLACE).map(([fault, body]) => [
      fault,
      `msg.payload = msg.payload.map((record) => {
        if (String(record.payload) !== '${BAD}') return record
        ${body}
      }); return msg`,
    ]),
  ),
  'one of the single messages that the batch is split into': `
    return [msg.payload.map((record) => ({
      ...msg,
      ...record,
      batch: false,
      ...(String(record.payload) === '${BAD}' && { kafka: { partition: -1 } }),
    }))]`,
}

describe('one bad record in a batch', () => {
  let broker: Service
  let publisher: MqttClient
  let brokers: string
  before(async () => {
    await startRuntime()
    broker = await startAedes()
    publisher = await connectAsync(broker.address)
    brokers = (await sharedKafka()).address
  })
  after(async () => {
    await publisher.endAsync(true)
    await broker.stop()
    await stopRuntime()
  })
  afterEach(() => helper.unload())

  const statusText = (): string => {
    const { lastCall } = (helper.getNode('source') as { status: { lastCall: { args: [NodeStatus] } | null } })
      .status
    return lastCall?.args[0].text ?? ''
  }

  for (const [fault, spoil] of Object.entries(FAULTS)) {
    it(`leaves by the second output of the source, and its neighbors are stored once: ${fault}`, async () => {
      const name = `t${randomBytes(5).toString('hex')}`
      const topic = await createTestTopic(brokers, { partitions: 1 })
      const flow: FlowEntry[] = [
        tab,
        { id: 'broker', type: 'tenant-mqtt-broker', url: broker.address, clientId: name },
        { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
        node(
          'source',
          'tenant-mqtt-source',
          { broker: 'broker', topic: `${name}/#`, mode: 'batch', batchSize: 10, lingerMs: 10_000 },
          ['spoils'],
          ['letters'],
        ),
        func('spoils', spoil, ['producer']),
        node('producer', 'tenant-kafka-producer', { cluster: 'cluster', topic }, []),
        sink('letters'),
      ]
      await loadFlow(modules, flow)
      await until('the source is connected', () => /\/s · /.test(statusText()))
      for (const n of numbers) await publisher.publishAsync(`${name}/d`, n, { qos: 1 })
      const { received } = helper.getNode('letters') as TestSink
      await until('the bad one is a dead letter', () => received.length > 0)
      await until('all are acknowledged', () => / · 0 in flight/.test(statusText()))
      const stored = (await readTopic(brokers, topic)).map(({ value }) => value?.toString())
      assert.deepEqual(
        stored,
        numbers.filter((n) => n !== BAD),
      )
      assert.equal(received.length, 1)
    })
  }
})
