/** One MQTT message that can never fit into Kafka, from a real Mosquitto: it becomes a dead letter, and the others flow on. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connectAsync } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import tenantDeadLetter from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import tenantMqttBroker from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import tenantMqttSource from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import { createTestTopic, sharedKafka } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

/** Between Kafka's limit for a request and what the producer holds at most, and beyond both; the window is 32 MB. */
const SIZES = [110_000_000, 140_000_000]

describe('an MQTT message of 110 or 140 MB', function () {
  this.timeout(180_000)
  let mosquitto: Mosquitto
  before(async () => {
    await startRuntime()
    mosquitto = await startMosquitto()
  })
  after(async () => {
    await helper.unload()
    await mosquitto.stop()
    await stopRuntime()
  })

  it('becomes a dead letter with its beginning, its length and its SHA-256, and the other tenants flow on', async () => {
    const brokers = (await sharedKafka()).address
    const [topic, letters] = [await createTestTopic(brokers), await createTestTopic(brokers)]
    const flow: FlowEntry[] = [
      { id: 'tab', type: 'tab' },
      { id: 'broker', type: 'tenant-mqtt-broker', url: mosquitto.address, clientId: 'large' },
      { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
      {
        id: 'source',
        z: 'tab',
        type: 'tenant-mqtt-source',
        broker: 'broker',
        topic: 'in/#',
        wires: [['topic'], ['letters']],
      },
      {
        id: 'topic',
        z: 'tab',
        type: 'tenant-topic',
        pattern: 'in/{tenant}',
        kafkaTopic: topic,
        wires: [['producer'], ['letters']],
      },
      { id: 'producer', z: 'tab', type: 'tenant-kafka-producer', cluster: 'cluster', wires: [['letters']] },
      { id: 'letters', z: 'tab', type: 'tenant-dead-letter', cluster: 'cluster', topic: letters, wires: [] },
    ]
    const modules = [
      tenantDeadLetter,
      tenantKafkaCluster,
      tenantKafkaProducer,
      tenantMqttBroker,
      tenantMqttSource,
      tenantTopic,
    ]
    await loadFlow(modules, flow)
    const device = await connectAsync(mosquitto.address)
    const status = helper.getNode('source') as { status: { lastCall?: { args: [{ text?: string }] } } }
    await until('it has subscribed', () => /\/s · /.test(status.status.lastCall?.args[0].text ?? ''))
    const payloads = SIZES.map((size, index) => Buffer.alloc(size, `${index}-payload-`))
    for (const payload of payloads) {
      await device.publishAsync('in/camera', payload, { qos: 1 })
      await device.publishAsync('in/acme', String(payload.length), { qos: 1 })
    }
    await device.endAsync()
    await until('the other tenant is stored', async () => (await readTopic(brokers, topic)).length >= 2, {
      pollMs: 500,
      giveUpMs: 120_000,
    })
    await until('both are dead letters', async () => (await readTopic(brokers, letters)).length >= 2, {
      pollMs: 500,
      giveUpMs: 120_000,
    })
    const stored = (await readTopic(brokers, topic)).map(({ value }) => value?.toString())
    assert.deepEqual(stored, SIZES.map(String))
    for (const [index, { headers, value }] of (await readTopic(brokers, letters)).entries()) {
      const payload = payloads[index] as Buffer
      assert.equal(headers['dead-letter-code'], 'KAFKA_RECORD_TOO_LARGE')
      assert.equal(headers['dead-letter-payload-length'], String(payload.length))
      assert.equal(headers['dead-letter-payload-sha256'], createHash('sha256').update(payload).digest('hex'))
      assert.ok(value !== null && value.length > 1000 && payload.subarray(0, value.length).equals(value))
    }
  })
})
