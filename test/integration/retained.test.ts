/** Retained messages on their whole way, from the MQTT broker to the row. */
import assert from 'node:assert/strict'
import { connectAsync } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaConsumer from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import tenantMqttBroker from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import tenantMqttSource from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const modules = [
  ...[tenantMqttBroker, tenantMqttSource, tenantKafkaCluster, tenantKafkaProducer],
  ...[tenantKafkaConsumer, tenantPostgres, tenantPostgresSink],
]
const COLUMNS = JSON.stringify([
  { column: 'time', from: 'time' },
  { column: 'payload', from: 'payload' },
  { column: 'retained', from: 'retain', type: 'boolean' },
])

describe('a retained message', () => {
  let mosquitto: Mosquitto
  let database: TestDatabase
  before(async () => {
    ;[mosquitto, database] = await Promise.all([
      startMosquitto({ savesEveryChange: false }),
      createTestDatabase(),
    ])
    await startRuntime()
  })
  after(async () => {
    await stopRuntime()
    await Promise.all([mosquitto?.stop(), database?.drop()])
  })
  afterEach(() => helper.unload())

  it('is distinct from a fresh one down to the row', async () => {
    const brokers = (await sharedKafka()).address
    const topic = await createTestTopic(brokers)
    const device = await connectAsync(mosquitto.address)
    await device.publishAsync('d/kept', '"kept"', { qos: 1, retain: true })
    const node = (id: string, type: string, more: object): FlowEntry => ({
      id,
      type,
      z: 'tab',
      wires: [],
      ...more,
    })
    await loadFlow(modules, [
      { id: 'tab', type: 'tab' },
      { id: 'mqtt', type: 'tenant-mqtt-broker', url: mosquitto.address, clientId: uniqueName('retained') },
      { id: 'kafka', type: 'tenant-kafka-cluster', brokers },
      { id: 'db', type: 'tenant-postgres', address: 'url', url: database.url },
      node('source', 'tenant-mqtt-source', { broker: 'mqtt', topic: 'd/#', wires: [['producer'], []] }),
      node('producer', 'tenant-kafka-producer', { cluster: 'kafka', topic, wires: [[]] }),
      node('consumer', 'tenant-kafka-consumer', {
        ...{ cluster: 'kafka', topics: topic, group: uniqueName('group'), wires: [['sink'], []] },
      }),
      node('sink', 'tenant-postgres-sink', { database: 'db', columns: COLUMNS }),
    ])
    let rows: unknown[] = []
    const untilStored = (count: number): Promise<void> =>
      until(`${count} rows`, async () => {
        rows = await database
          .query(`select payload, retained from iot_messages order by payload::text`)
          .catch(() => [])
        return rows.length >= count
      })
    await untilStored(1)
    await device.publishAsync('d/fresh', '"fresh"', { qos: 1 })
    await device.publishAsync('d/kept', '"new"', { qos: 1, retain: true })
    await untilStored(3)
    await device.endAsync()
    assert.deepEqual(rows, [
      { payload: 'fresh', retained: null },
      { payload: 'kept', retained: true },
      { payload: 'new', retained: null },
    ])
  })
})
