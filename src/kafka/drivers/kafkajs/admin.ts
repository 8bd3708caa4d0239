/**
 * Topics and offsets through kafkajs. Connects on first use and again after a failure, so that it can be made
 * before there is a Kafka.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigResourceTypes, type Admin } from 'kafkajs'
import { nameOf } from '../../../config/address'
import { settlesWithin } from '../../../time/deadline'
import { PipelineError } from '../../../wire/errors'
import type { KafkaConnection } from '../../connection'
import type {
  GroupDescription,
  KafkaAdmin,
  NewTopic,
  OffsetRange,
  TopicDescription,
  TopicPartition,
} from '../../driver'
import { createKafkaJsClient, type KafkaJsClient, type KafkaLog } from './client'
import { KafkaJsGroupAdmin } from './group-admin'
import { kafkaClosed, noLeader } from '../../error-verdicts'
import { isHalfConnected, silentBroker, translateKafkaError } from './errors'
import { tolerateBrokenTopics } from './patches/metadata'
import { phrase } from '../../../status/phrase'

const DISCONNECT_LIMIT_MS = 1000
const LEADER_POLL_MS = 100

export class KafkaJsAdmin implements KafkaAdmin {
  private readonly client: KafkaJsClient
  private connected: Promise<Admin> | undefined
  private closed = false

  constructor(
    private readonly connection: KafkaConnection,
    log: KafkaLog,
  ) {
    this.client = createKafkaJsClient(connection, log)
    tolerateBrokenTopics(this.client)
  }

  clusterId(): Promise<string> {
    return this.run('asking for the cluster', async (admin) => (await admin.describeCluster()).clusterId)
  }

  async brokerCount(): Promise<number> {
    return (await this.brokerAddresses()).length
  }

  brokerAddresses(): Promise<readonly string[]> {
    return this.run('asking for the brokers', async (admin) =>
      (await admin.describeCluster()).brokers.map(nameOf),
    )
  }

  async createsTopics(): Promise<boolean | undefined> {
    const setting = await this.brokerSetting('auto.create.topics.enable')
    return setting === undefined ? undefined : setting === 'true'
  }

  partitionCounts(): Promise<ReadonlyMap<string, number>> {
    return this.run('asking for the topics', async (admin) => {
      const { topics } = await admin.fetchTopicMetadata()
      return new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
    })
  }

  recordCount(topic: string): Promise<number> {
    return this.run(`asking for the offsets of ${topic}`, async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
    })
  }

  groupNames(): Promise<readonly string[]> {
    return this.run('asking for the consumer groups', async (admin) => {
      const { groups } = await admin.listGroups()
      return groups.map(({ groupId }) => groupId).sort()
    })
  }

  describeGroup(group: string): Promise<GroupDescription> {
    return this.run(`asking for the consumer group ${group}`, async (admin) => {
      const { groups } = await admin.describeGroups([group])
      const topics = await new KafkaJsGroupAdmin(admin, group).committedTopics()
      return { members: groups[0]?.members.length ?? 0, topics: [...topics].sort() }
    })
  }

  topicNames(): Promise<readonly string[]> {
    return this.run('asking for the topics', (admin) => admin.listTopics())
  }

  async partitionCount(topic: string): Promise<number> {
    return this.run(`asking for topic ${topic}`, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const count = topics[0]?.partitions.length ?? 0
      if (count > 0) return count
      throw new PipelineError('KAFKA_NO_LEADER', `topic ${topic} has no partitions yet`, {
        retryable: true,
        status: phrase('kafka', { problem: phrase('kafkaTopicNotReady') }),
      })
    })
  }

  /** How many bytes a request may have; `undefined` when we are not allowed to ask. All brokers should have the same. */
  async requestLimit(): Promise<number | undefined> {
    return numberOf(await this.brokerSetting('socket.request.max.bytes'))
  }

  private brokerSetting(setting: string): Promise<string | undefined> {
    return this.run('asking for the settings of the broker', async (admin) => {
      const [broker] = (await admin.describeCluster()).brokers
      if (broker === undefined) return undefined
      const config = await readConfig(admin, ConfigResourceTypes.BROKER, String(broker.nodeId), [setting])
      return config.get(setting)
    })
  }

  async describeTopic(topic: string): Promise<TopicDescription | undefined> {
    try {
      return await this.run(`asking for topic ${topic}`, (admin) => describe(admin, topic))
    } catch (error) {
      if (error instanceof PipelineError && error.code === 'KAFKA_UNKNOWN_TOPIC') return undefined
      throw error
    }
  }

  async createTopic({ topic, partitions, replicas, config }: NewTopic): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const isNew = await this.run(`creating topic ${topic}`, (admin) =>
      admin.createTopics({
        waitForLeaders: false,
        timeout: this.connection.requestTimeoutMs,
        topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
      }),
    )
    if (isNew) await this.untilLed(topic)
  }

  /**
   * Until a new topic can be written to. kafkajs can wait for leaders as well, and gives up when a busy broker does not know
   * its new topic yet.
   */
  private async untilLed(topic: string): Promise<void> {
    const deadline = performance.now() + this.connection.requestTimeoutMs
    for (;;) {
      const missing = await this.run(`asking for topic ${topic}`, (admin) => firstUnled(admin, topic)).catch(
        notThereYet,
      )
      if (missing === undefined) return
      if (performance.now() > deadline) throw missing
      await sleep(LEADER_POLL_MS)
    }
  }

  async offsets({ topic, partition }: TopicPartition): Promise<OffsetRange> {
    return this.run(`asking for the offsets of ${topic}, partition ${partition}`, async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      const found = offsets.find((entry) => entry.partition === partition)
      if (found !== undefined) return { earliest: Number(found.low), latest: Number(found.high) }
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      if (topics[0]?.partitions.some(({ partitionId }) => partitionId === partition) === true)
        throw noLeader([{ topic, partition }])
      throw new PipelineError('KAFKA_UNKNOWN_TOPIC', `topic ${topic} has no partition ${partition}`, {
        retryable: true,
        status: phrase('kafka', { problem: phrase('kafkaNoSuchPartition') }),
      })
    })
  }

  async close(): Promise<void> {
    this.closed = true
    const { connected } = this
    if (connected !== undefined) {
      await settlesWithin(
        connected.then((admin) => admin.disconnect()),
        DISCONNECT_LIMIT_MS,
      )
    }
    this.client.cut()
  }

  private async run<T>(doing: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connect())
    } catch (thrown) {
      const error = translateKafkaError(thrown, doing)
      if (error.code === 'KAFKA_NO_ANSWER') this.client.avoid(silentBroker(thrown))
      // kafkajs takes a connection for ready whose first request got no answer, and then refuses to use it.
      if (error.code === 'KAFKA_FAILED' || isHalfConnected(thrown)) this.reconnect()
      throw error
    }
  }

  private reconnect(): void {
    const { connected } = this
    this.connected = undefined
    void connected?.then((admin) => admin.disconnect()).catch(() => undefined)
    this.client.cut()
  }

  private connect(): Promise<Admin> {
    if (this.closed) throw kafkaClosed('the connection to Kafka is being closed')
    this.connected ??= this.open().catch((error: unknown) => {
      this.connected = undefined
      throw error
    })
    return this.connected
  }

  private async open(): Promise<Admin> {
    const admin = this.client.kafka.admin()
    try {
      await admin.connect()
      return admin
    } catch (error) {
      void admin.disconnect().catch(() => undefined)
      throw error
    }
  }
}

/** @returns the error of a partition that has no leader */
async function firstUnled(admin: Admin, topic: string): Promise<PipelineError | undefined> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const unled = topics[0]?.partitions.find(({ leader }) => leader < 0)
  return unled && noLeader([{ topic, partition: unled.partitionId }])
}

/** @throws unless the error says that the topic, or a leader, may only be about to be there */
function notThereYet(error: unknown): PipelineError {
  const code = error instanceof PipelineError ? error.code : undefined
  if (code === 'KAFKA_UNKNOWN_TOPIC' || code === 'KAFKA_NO_LEADER') return error as PipelineError
  throw error
}

const TOPIC_SETTINGS = [
  'min.insync.replicas',
  'retention.ms',
  'cleanup.policy',
  'message.timestamp.type',
  'max.message.bytes',
]

async function describe(admin: Admin, topic: string): Promise<TopicDescription> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics[0]?.partitions ?? []
  const config = await readConfig(admin, ConfigResourceTypes.TOPIC, topic, TOPIC_SETTINGS)
  const timestampType = config.get('message.timestamp.type')
  return {
    topic,
    partitions: partitions.length,
    replicas: Math.min(...partitions.map((partition) => partition.replicas.length)),
    minInSyncReplicas: numberOf(config.get('min.insync.replicas')),
    retentionMs: numberOf(config.get('retention.ms')),
    cleanupPolicy: config.get('cleanup.policy'),
    maxMessageBytes: numberOf(config.get('max.message.bytes')),
    hasAppendTime: timestampType === undefined ? undefined : timestampType === 'LogAppendTime',
  }
}

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text)

/**
 * What is in force, be it set for the topic or the broker's default. Empty for a user who may write to the topic and
 * not read its configuration.
 */
async function readConfig(
  admin: Admin,
  type: ConfigResourceTypes,
  name: string,
  configNames: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const resource = { type, name, configNames: [...configNames] }
  try {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const entries = resources[0]?.configEntries ?? []
    return new Map(entries.map((entry) => [entry.configName, entry.configValue]))
  } catch (error) {
    if (translateKafkaError(error, '').code === 'KAFKA_FORBIDDEN') return new Map()
    throw error
  }
}
