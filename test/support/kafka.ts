/**
 * The Kafka broker that all tests share (`services.ts`). Each test creates topics and groups of its own. A test that stops
 * or freezes brokers starts a Kafka of its own instead.
 */
import { randomBytes } from 'node:crypto'
import { Kafka, logLevel, type Admin, type ITopicConfig } from 'kafkajs'
import { sharedService } from './services'
import { until } from './until'

/** The shared broker. */
export async function sharedKafka(): Promise<{ readonly address: string }> {
  return { address: await sharedService('kafka') }
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

/** Of partition 0. kafkajs can delete only from topics whose metadata it has read. */
export function deleteRecordsBefore(brokers: string, topic: string, offset: number): Promise<void> {
  return withAdmin(brokers, async (admin) => {
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
  })
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
  const topic = { topic: name, numPartitions: partitions, replicationFactor: replicas, configEntries }
  await createTopic(brokers, topic)
  return name
}

/**
 * Creates a topic and waits until its leaders answer: kafkajs does not wait when another broker knows of it later, and
 * a leader that is named in the metadata may not know of it yet.
 */
export async function createTopic(brokers: string, topic: ITopicConfig): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    await admin.createTopics({ waitForLeaders: false, topics: [topic] })
    await until(`a leader for each partition of ${topic.topic}`, () =>
      admin.fetchTopicOffsets(topic.topic).then(
        (found) => found.length > 0,
        () => false,
      ),
    )
  })
}

/** Waits until every replica of the topic is in sync. */
export async function untilInSync(brokers: string, topic: string): Promise<void> {
  await until(`every replica of ${topic} is in sync`, () =>
    withAdmin(brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics.every(({ partitions }) =>
        partitions.every(({ isr, replicas }) => isr.length === replicas.length),
      )
    }).catch(() => false),
  )
}
