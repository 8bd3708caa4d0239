/**
 * Keeps one broken topic from holding up the others. kafkajs 2.2.4 asks for the metadata of many topics at once (all
 * that a producer has written to, or a consumer reads; all that there are, when one connects), and throws the whole
 * answer away when one partition in it has no leader, or one topic is deleted or not allowed. Then no partition of any
 * topic finds its new leader, no other topic can be begun, and no producer and no consumer can start.
 *
 * Here the answer is taken as it is, and the error of a topic or a partition goes to those who ask for that one.
 * Offsets are asked for leader by leader, so that one that is missing or silent costs only its own partitions.
 * Which broker is asked, see `broker-choice.ts`.
 *
 * A consumer asks for none in particular: it fetches from each partition that has a leader, and leaves the others alone
 * until they have one (a partition without a leader is led by broker -1, and nothing fetches from that one).
 *
 * Both reach into one client, not into the module: other users of kafkajs in this process are left alone. A client that
 * does not look as we know it keeps kafkajs' behaviour.
 */
import type { Kafka, PartitionMetadata } from 'kafkajs'
import { readingAnswers, type AnsweringBroker } from './broker-answers'
import {
  chooseAnsweringBrokers,
  tellRefusals,
  type BrokerPool,
  type ChosenBroker,
  type KnownBrokers,
} from './broker-choice'
import { clusterFactory } from './cluster-factory'
import { withOwnDecoder } from './fetch-answers'
import { fetchingAtPace, type FetchingBroker } from './fetch-pace'
import { kafkaError, tellingEachPartition } from './partition-answers'
import type { TopicPartition } from '../../../driver'
import type { FetchPace } from '../../../group/partitions/fetch-pace'
import type { PartitionAnswer } from '../../../group/partitions/refused-partitions'

const METADATA_API = 3
/** A partition that is newer than the metadata: Kafka's LEADER_NOT_AVAILABLE makes kafkajs ask again. */
const UNKNOWN = { leader: -1, partitionErrorCode: 5 }

interface Broker extends ChosenBroker, AnsweringBroker, FetchingBroker {
  metadata(topics: readonly string[]): Promise<Metadata>
}

interface TopicMetadata {
  readonly topic: string
  readonly topicErrorCode: number
  readonly partitionMetadata: readonly PartitionMetadata[]
}

interface Metadata {
  readonly topicMetadata: readonly TopicMetadata[]
}

interface MetadataPool extends BrokerPool<Broker> {
  readonly metadata: Metadata | null
  metadataExpireAt: number | null
  refreshMetadata(topics: readonly string[]): Promise<void>
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<void>
}

interface TopicQuestion {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number }[]
}

interface TopicOffsets {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}

interface Cluster {
  readonly brokerPool: MetadataPool
  metadata(about?: { readonly topics?: readonly string[] }): Promise<Metadata>
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[]
  findLeaderForPartitions(topic: string, partitions: readonly (number | string)[]): unknown
  fetchTopicsOffset(topics: readonly TopicQuestion[]): Promise<readonly TopicOffsets[]>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
}

/** What a client knows about topics. */
export interface KnownTopics {
  /** Makes the client ask for the metadata again before it uses it. */
  refresh(): void
  /** The broker that leads a partition, `undefined` when that is not known (yet). */
  readonly leaderOf: (partition: TopicPartition) => number | undefined
}

/** What a consumer of the client works with. */
export interface Reading {
  /** Hears what is answered about each partition, see `partition-answers.ts`. */
  readonly onAnswer: (answer: PartitionAnswer) => void
  readonly pace: () => FetchPace
}

/**
 * Call it before the client's first producer, consumer or admin is made.
 * @param reading of a client that has a consumer
 */
export function tolerateBrokenTopics(
  client: KnownBrokers & { readonly kafka: Kafka },
  reading?: Reading,
): KnownTopics {
  const pools = new Set<MetadataPool>()
  const factory = clusterFactory<Cluster>(client.kafka)
  if (factory !== undefined) {
    const { create } = factory
    factory.create = (options) => {
      const cluster = create(options)
      tellRefusals(cluster.brokerPool)
      if (reading !== undefined && isOfConsumer(options)) tolerateWhenReading(cluster, reading)
      else tolerateIn(cluster, client)
      pools.add(cluster.brokerPool)
      return cluster
    }
  }
  return {
    refresh: () => {
      for (const pool of pools) pool.metadataExpireAt = null
    },
    leaderOf: ({ topic, partition }) => {
      for (const { metadata } of pools) {
        const known = topicIn(metadata, topic)?.partitionMetadata
        const leader = known?.find(({ partitionId }) => partitionId === partition)?.leader ?? NO_LEADER
        if (leader !== NO_LEADER) return leader
      }
      return undefined
    },
  }
}

function tolerateIn(cluster: Cluster, client: KnownBrokers): void {
  const pool = cluster.brokerPool
  const findTopic = cluster.findTopicPartitionMetadata.bind(cluster)
  const findLeaders = cluster.findLeaderForPartitions.bind(cluster)

  /** A refusal stays in the metadata until it is asked for again. */
  const refuse = (code: number): never => {
    pool.metadataExpireAt = null
    throw kafkaError(code)
  }

  chooseAnsweringBrokers(pool, client)
  takeAnswersAsTheyAre(pool)
  findTopicsFast(pool)

  cluster.metadata = async ({ topics = [] } = {}) => {
    await pool.refreshMetadataIfNecessary(topics)
    const metadata = await (await pool.findConnectedBroker()).metadata(topics)
    for (const { topic, topicErrorCode } of metadata.topicMetadata) {
      if (topicErrorCode !== 0 && topics.includes(topic)) refuse(topicErrorCode)
    }
    return metadata
  }

  cluster.findTopicPartitionMetadata = (topic) => {
    const known = topicIn(pool.metadata, topic)
    if (known === undefined) return findTopic(topic)
    return known.topicErrorCode === 0 ? known.partitionMetadata : refuse(known.topicErrorCode)
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

  const fetchOffsets = cluster.fetchTopicsOffset.bind(cluster)
  cluster.fetchTopicsOffset = (topics) =>
    Promise.all(
      topics.map(async (question) => {
        const { topic, partitions } = question
        const leaders = new Set(partitions.map(({ partition }) => leaderOf(cluster, topic, partition)))
        const isWhole = !leaders.delete(NO_LEADER)
        const answers = await Promise.allSettled(
          [...leaders].map((leader) => {
            const led = partitions.filter(({ partition }) => leaderOf(cluster, topic, partition) === leader)
            return fetchOffsets([{ ...question, partitions: led }])
          }),
        )
        const good = answers.filter((answer) => answer.status === 'fulfilled')
        const failed = answers.find((answer) => answer.status === 'rejected')
        if (!isWhole || failed !== undefined) pool.metadataExpireAt = null
        if (failed !== undefined && good.length === 0) throw failed.reason
        return { topic, partitions: good.flatMap(({ value }) => value.flatMap((found) => found.partitions)) }
      }),
    )
}

const TOPICS = new WeakMap<Metadata, ReadonlyMap<string, TopicMetadata>>()

/** kafkajs looks through all topics, for each one that it is asked about. */
function topicIn(metadata: Metadata | null, topic: string): TopicMetadata | undefined {
  if (metadata === null) return undefined
  let topics = TOPICS.get(metadata)
  if (topics === undefined) {
    topics = new Map(metadata.topicMetadata.map((each) => [each.topic, each]))
    TOPICS.set(metadata, topics)
  }
  return topics.get(topic)
}

/** Before each request kafkajs asks whether all of a producer's topics are known: of 1,000, that is a million comparisons. */
function findTopicsFast(pool: MetadataPool): void {
  const refresh = pool.refreshMetadata.bind(pool)
  const refreshIfNecessary = pool.refreshMetadataIfNecessary.bind(pool)
  let asked: readonly string[] = []
  let unknown: readonly string[] = []
  // Metadata of a few topics would replace that of all.
  pool.refreshMetadata = (topics) => refresh(topics === unknown ? asked : topics)
  pool.refreshMetadataIfNecessary = (topics) => {
    asked = topics
    unknown = topics.filter((topic) => topicIn(pool.metadata, topic) === undefined)
    return refreshIfNecessary(unknown)
  }
}

/** The client would fetch from here; where a partition is really read from is known elsewhere, and sought to. */
const ANY_OFFSET = '0'

/**
 * A topic that is refused keeps its partitions, without leaders: kafkajs would share the group's partitions without them,
 * and a topic that is back a moment later would be started again. And where kafkajs asks for offsets, because it does not
 * know where to begin, a partition without a leader gets some answer.
 */
function tolerateWhenReading(cluster: Cluster, { onAnswer, pace }: Reading): void {
  const pool = cluster.brokerPool
  takeAnswersAsTheyAre(pool)

  const findBroker = cluster.findBroker.bind(cluster)
  cluster.findBroker = async (node) => {
    const broker = tellingEachPartition(withOwnDecoder(await findBroker(node)), (answer) => {
      // A damaged disk moves the leader.
      if (answer.error !== undefined) pool.metadataExpireAt = null
      onAnswer(answer)
    })
    return fetchingAtPace(broker, node.nodeId, pace())
  }

  const lastKnown = new Map<string, readonly PartitionMetadata[]>()
  const findTopic = cluster.findTopicPartitionMetadata.bind(cluster)
  cluster.findTopicPartitionMetadata = (topic) => {
    const code = pool.metadata?.topicMetadata.find((each) => each.topic === topic)?.topicErrorCode ?? 0
    if (code !== 0) return (lastKnown.get(topic) ?? []).map((each) => ({ ...each, leader: NO_LEADER }))
    const found = findTopic(topic)
    lastKnown.set(topic, found)
    return found
  }

  const fetchOffsets = cluster.fetchTopicsOffset.bind(cluster)
  cluster.fetchTopicsOffset = async (topics) => {
    const isLed = (topic: string, { partition }: { readonly partition: number }): boolean =>
      leaderOf(cluster, topic, partition) !== NO_LEADER
    const led = topics.map((each) => ({
      ...each,
      partitions: each.partitions.filter((it) => isLed(each.topic, it)),
    }))
    const answers = await fetchOffsets(led.filter(({ partitions }) => partitions.length > 0))
    return topics.map(({ topic, partitions }) => ({
      topic,
      partitions: [
        ...(answers.find((answer) => answer.topic === topic)?.partitions ?? []),
        ...partitions
          .filter((it) => !isLed(topic, it))
          .map(({ partition }) => ({ partition, offset: ANY_OFFSET })),
      ],
    }))
  }
}

const NO_LEADER = -1

function leaderOf(cluster: Cluster, topic: string, partition: number): number {
  const known = cluster.findTopicPartitionMetadata(topic).find((each) => each.partitionId === partition)
  return known?.leader ?? NO_LEADER
}

/** Of the three that kafkajs makes, the options of a consumer alone have an isolation level. */
function isOfConsumer(options: unknown): boolean {
  return Object.hasOwn(Object(options) as object, 'isolationLevel')
}

function takeAnswersAsTheyAre(pool: MetadataPool): void {
  const findConnectedBroker = pool.findConnectedBroker.bind(pool)
  pool.findConnectedBroker = async () => tolerant(await findConnectedBroker())
}

/** The same broker, whose answer about topics is not thrown away. */
function tolerant(broker: Broker): Broker {
  return readingAnswers(broker, [METADATA_API], (answer) => Promise.resolve(answer))
}
