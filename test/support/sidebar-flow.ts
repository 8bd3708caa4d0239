/** A pipeline for the tests of the sidebar, with a consumer that has stopped, and dead letters that wait. */
import { connectAsync, type MqttClient } from 'mqtt'
import type { FlowEntry } from '../../dev/node-red'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { fresh } from './editor'
import { createTestTopic, deleteRecordsBefore, sharedKafka, uniqueName, withAdmin } from './kafka'
import { numbered, produce } from './kafka-consumers'
import { createTestDatabase, type TestDatabase } from './postgres'

/** Text in the flow, and never a part of the page. */
export const HTML_NAME = '<img src=x onerror=alert(1)> devices'

export interface SidebarServices {
  readonly broker: Mosquitto
  readonly publisher: MqttClient
  readonly database: TestDatabase
  readonly flow: readonly FlowEntry[]
  readonly env: Readonly<Record<string, string>>
  /** Sends one message for each text. */
  publish(texts: readonly string[]): Promise<void>
  rows(): Promise<number>
  stop(): Promise<void>
}

export async function startSidebarServices(): Promise<SidebarServices> {
  const name = uniqueName('sidebar')
  const brokers = (await sharedKafka()).address
  const [broker, database, topic, lost] = await Promise.all([
    startMosquitto({ savesEveryChange: false }),
    createTestDatabase(),
    createTestTopic(brokers, { name }),
    createTestTopic(brokers, { name: `${name}-lost` }),
  ])
  await stopBefore(brokers, lost, `${name}-lost`)
  const publisher = await connectAsync(broker.address, { protocolVersion: 5 })
  return {
    broker,
    publisher,
    database,
    flow: flowOf(name, topic, lost),
    env: { MQTT_URL: broker.address, KAFKA_BROKERS: brokers, DATABASE_URL: database.url },
    publish: async (texts) => {
      const topicOf = `${name}/acme/north/press`
      await Promise.all(texts.map((text) => publisher.publishAsync(topicOf, text, { qos: 1 })))
    },
    rows: async () => {
      const [found] = await database.query<{ count: number }>(
        'select count(*)::int as count from iot_messages',
      )
      return found?.count ?? 0
    },
    stop: async () => {
      await publisher.endAsync(true)
      await broker.stop()
      await database.drop()
    },
  }
}

/** A consumer of this group stops: what it was to read next is gone. */
async function stopBefore(brokers: string, topic: string, groupId: string): Promise<void> {
  await produce(brokers, topic, numbered(10))
  await withAdmin(brokers, (admin) =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '3' }] }),
  )
  await deleteRecordsBefore(brokers, topic, 7)
}

function flowOf(name: string, topic: string, lost: string): FlowEntry[] {
  let y = 0
  const drawn = (type: string, id: string, change: object): FlowEntry =>
    fresh(type, { id, z: 'tab', x: 300, y: (y += 60), ...change })
  return [
    { id: 'tab', type: 'tab', label: 'Plant north' },
    { id: 'repair', type: 'tab', label: 'Repair' },
    { id: 'subflow', type: 'subflow', name: 'Topics of a plant', in: [], out: [] },
    { id: 'instance', type: 'subflow:subflow', z: 'repair', x: 600, y: 60, wires: [] },
    fresh('tenant-topic', { id: 'inner', z: 'subflow', x: 200, y: 100, wires: [[], []] }),
    fresh('tenant-mqtt-broker', { id: 'broker', url: '${MQTT_URL}', clientId: name }),
    fresh('tenant-kafka-cluster', { id: 'cluster', brokers: '${KAFKA_BROKERS}' }),
    fresh('tenant-postgres', { id: 'database', address: 'url', url: '${DATABASE_URL}' }),
    drawn('tenant-mqtt-source', 'source', {
      name: HTML_NAME,
      broker: 'broker',
      topic: `${name}/#`,
      wires: [['topic'], []],
    }),
    drawn('tenant-topic', 'topic', {
      pattern: `${name}/{tenant}/{project}/{device}`,
      kafkaTopic: topic,
      wires: [['producer'], []],
    }),
    drawn('tenant-kafka-producer', 'producer', { cluster: 'cluster', wires: [[]] }),
    drawn('tenant-kafka-consumer', 'consumer', {
      name: 'reader',
      cluster: 'cluster',
      database: 'database',
      topics: topic,
      group: name,
      wires: [['sink'], []],
    }),
    drawn('tenant-postgres-sink', 'sink', {
      name: 'rows',
      database: 'database',
      exactlyOnce: 'ledger',
      deadLetters: 'table',
      wires: [[]],
    }),
    drawn('tenant-kafka-consumer', 'stopped', {
      name: 'stopped reader',
      cluster: 'cluster',
      topics: lost,
      group: lost,
      wires: [['debug'], []],
    }),
    { id: 'debug', type: 'debug', z: 'tab', x: 600, y: 360, wires: [] },
    drawn('tenant-dead-letter-source', 'letters', {
      name: 'repaired',
      z: 'repair',
      database: 'database',
      wires: [['repaired'], []],
    }),
    drawn('tenant-postgres-sink', 'repaired', {
      name: 'rows of iot_repaired',
      z: 'repair',
      database: 'database',
      table: 'iot_repaired',
      payloadType: 'text',
      exactlyOnce: 'ledger',
      deadLetters: 'table',
      wires: [[]],
    }),
  ]
}
