/**
 * Keeps one broken topic from holding up the others. kafkajs 2.2.4 asks for the metadata of many topics at once (all
 * that a producer has written to; all that there are, when a producer connects), and throws the whole answer away when
 * one partition in it has no leader, or one topic is deleted or not allowed. Then no partition of any topic finds its
 * new leader, no other topic can be begun, and no producer can start.
 *
 * Here the answer is taken as it is, and the error of a topic or a partition is told to those who ask for that one.
 * Which broker is asked, see `kafkajs-broker-choice.ts`.
 *
 * Both reach into one client, not into the module: other users of kafkajs in this process are left alone. A client that
 * does not look as we know it keeps kafkajs' behaviour.
 */
import { createRequire } from 'node:module'
import type { PartitionMetadata } from 'kafkajs'
import { chooseAnsweringBrokers, type BrokerPool, type ChosenBroker } from './kafkajs-broker-choice'
import type { KafkaJsClient } from './kafkajs-client'

const METADATA_API = 3
/** A partition that is newer than the metadata: Kafka's LEADER_NOT_AVAILABLE makes kafkajs ask again. */
const UNKNOWN = { leader: -1, partitionErrorCode: 5 }
const CREATE_CLUSTER = 'private:Kafka:createCluster'

interface Protocol {
  readonly response: { readonly parse: (answer: unknown) => Promise<unknown> }
}

interface Broker extends ChosenBroker {
  lookupRequest(api: number, definition: unknown): (request: unknown) => Protocol
  metadata(topics: readonly string[]): Promise<Metadata>
}

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topic: string
    readonly topicErrorCode: number
    readonly partitionMetadata: readonly PartitionMetadata[]
  }[]
}

interface MetadataPool extends BrokerPool<Broker> {
  readonly metadata: Metadata | null
  metadataExpireAt: number | null
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<void>
}

interface Cluster {
  readonly brokerPool: MetadataPool
  metadata(about?: { readonly topics?: readonly string[] }): Promise<Metadata>
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[]
  findLeaderForPartitions(topic: string, partitions: readonly (number | string)[]): unknown
}

type CreateCluster = (options: unknown) => Cluster

/**
 * Call it before the client's first producer or admin is made. Not for consumers: what kafkajs would do with a
 * partition that has no leader is not known.
 * @returns makes the client ask for the metadata again before it uses it
 */
export function tolerateBrokenTopics(client: KafkaJsClient): () => void {
  const pools = new Set<MetadataPool>()
  const { kafka } = client
  const factory = kafka as unknown as Record<symbol, CreateCluster>
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  const create = name === undefined ? undefined : factory[name]
  if (name !== undefined && create !== undefined) {
    factory[name] = (options) => {
      const cluster = create(options)
      tolerateIn(cluster, client)
      pools.add(cluster.brokerPool)
      return cluster
    }
  }
  return () => {
    for (const pool of pools) pool.metadataExpireAt = null
  }
}

function tolerateIn(cluster: Cluster, client: KafkaJsClient): void {
  const pool = cluster.brokerPool
  const findTopic = cluster.findTopicPartitionMetadata.bind(cluster)
  const findLeaders = cluster.findLeaderForPartitions.bind(cluster)

  /** A refusal stays in the metadata until it is asked for again. */
  const refuse = (code: number): never => {
    pool.metadataExpireAt = null
    throw kafkaError(code)
  }

  chooseAnsweringBrokers(pool, client)
  const findConnectedBroker = pool.findConnectedBroker.bind(pool)
  pool.findConnectedBroker = async () => tolerant(await findConnectedBroker())

  cluster.metadata = async ({ topics = [] } = {}) => {
    await pool.refreshMetadataIfNecessary(topics)
    const metadata = await (await pool.findConnectedBroker()).metadata(topics)
    for (const { topic, topicErrorCode } of metadata.topicMetadata) {
      if (topicErrorCode !== 0 && topics.includes(topic)) refuse(topicErrorCode)
    }
    return metadata
  }

  cluster.findTopicPartitionMetadata = (topic) => {
    const code = pool.metadata?.topicMetadata.find((each) => each.topic === topic)?.topicErrorCode ?? 0
    return code === 0 ? findTopic(topic) : refuse(code)
  }

  cluster.findLeaderForPartitions = (topic, partitions) => {
    const known = cluster.findTopicPartitionMetadata(topic)
    for (const partition of partitions.map(Number)) {
      const { leader, partitionErrorCode } = known.find((each) => each.partitionId === partition) ?? UNKNOWN
      // With a leader it is about another replica, and records are taken all the same.
      if (leader < 0) refuse(partitionErrorCode)
    }
    return findLeaders(topic, partitions)
  }
}

/** The same broker, whose answer about topics is not thrown away. */
function tolerant(broker: Broker): Broker {
  return Object.create(broker, {
    lookupRequest: {
      value: (api: number, definition: unknown): ((request: unknown) => Protocol) => {
        const make = broker.lookupRequest(api, definition)
        if (api !== METADATA_API) return make
        return (request) => {
          const protocol = make(request)
          const parse = (answer: unknown): Promise<unknown> => Promise.resolve(answer)
          return { ...protocol, response: { ...protocol.response, parse } }
        }
      },
    },
  }) as Broker
}

function kafkaError(code: number): Error {
  const errors = createRequire(__filename)('kafkajs/src/protocol/error') as {
    createErrorFromCode: (code: number) => Error
  }
  return errors.createErrorFromCode(code)
}
