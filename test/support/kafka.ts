/**
 * One Kafka broker for the whole test run, started when the first test asks for it. Each test makes topics of its
 * own. A test that stops or freezes brokers starts a Kafka of its own instead.
 */
import { randomBytes } from 'node:crypto'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { until } from './until'

let service: Promise<KafkaService> | undefined

/** The shared broker. */
export function sharedKafka(): Promise<KafkaService> {
  service ??= startKafka()
  return service
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`
}

/** A kafkajs client for what the test itself looks at. */
export function testClient(brokers: string): Kafka {
  return new Kafka({ clientId: 'test', brokers: brokers.split(','), logLevel: logLevel.NOTHING })
}

export async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testClient(brokers).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

export interface TestTopic {
  readonly partitions?: number
  readonly replicas?: number
  readonly config?: Readonly<Record<string, string>>
  readonly name?: string
}

/** Creates a topic with its leaders elected. @returns its name, which is unique */
export async function createTestTopic(
  brokers: string,
  { partitions = 1, replicas = 1, config = {}, name = uniqueName('topic') }: TestTopic = {},
): Promise<string> {
  const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
  await withAdmin(brokers, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: replicas, configEntries }],
    }),
  )
  return name
}

/** Waits until every replica of the topic is in sync. */
export async function untilInSync(brokers: string, topic: string): Promise<void> {
  await withAdmin(brokers, (admin) =>
    until(async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics.every(({ partitions }) =>
        partitions.every(({ isr, replicas }) => isr.length === replicas.length),
      )
    }),
  )
}

after(async () => {
  const started = service
  service = undefined
  await (await started)?.stop()
})
