/**
 * Writes batches through the brokers of kafkajs as one idempotent producer, and says of each batch whether it was stored.
 * kafkajs' own producer is not used: it splits what it is given by leaders that it looks up again for each topic, may send
 * the same part to two objects of one broker, takes the sequence numbers of a whole request back when one partition of it
 * is refused, and says nothing of the others. Two of these have stored records twice, or lost them.
 *
 * Non-obvious:
 *  - One call is one request to one broker, made once. When a leader has moved meanwhile, the broker refuses its partition.
 *  - The sequence number of a partition grows only when the broker has answered that it stored the batch. So the identical
 *    batch sent again has the number of before, by which the broker recognizes it. Two batches of a partition at once
 *    would have the same number, and the second would be taken for the first: that is refused.
 *  - After a failure the metadata is asked for again before the next request.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { CompressionTypes } from 'kafkajs'
import { PipelineError } from '../../../../wire/errors'
import { kafkaClosed } from '../../../error-verdicts'
import type { TopicPartition } from '../../../driver'
import type { Outcome, PartitionBatch } from '../../../produce/joint-requests'
import { partitionKey } from '../../../topic-partition'
import type { AnsweringBroker } from '../patches/broker-answers'
import type { KnownTopics } from '../patches/metadata'
import { kafkaError } from '../patches/partition-answers'
import { withOwnProduce } from '../patches/produce-requests'
import type { ProducedPartition, ProduceAnswer, ProduceRequest } from './produce-request'
import { phrase } from '../../../../status/phrase'

const ALL_REPLICAS = -1
/** Of a batch, in 32 bits without sign; it begins again at 0. */
const SEQUENCES = 2 ** 31
/** Kafka wants one, for transactions, which we do not make. */
const TRANSACTION_TIMEOUT_MS = 60_000

/** A broker that has given away its last producer id says so while it gets new ones from the controller. */
const GETS_NEW_IDS = 'GROUP_LOAD_IN_PROGRESS'
const ID_ATTEMPTS = 10
const ID_WAIT_MS = 50

/** What is used of a broker of kafkajs. */
export interface WritableBroker extends AnsweringBroker {
  initProducerId(options: { readonly transactionTimeout: number }): Promise<ProducerId>
  produce(request: ProduceRequest): Promise<ProduceAnswer>
}

/** What is used of kafkajs' brokers together. */
export interface WritableCluster {
  readonly targetTopics: ReadonlySet<string>
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  /** By the number of the leader. @throws the error of the topic or partition */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, unknown>>
  findBroker(node: { readonly nodeId: string }): Promise<WritableBroker>
  findControllerBroker(): Promise<WritableBroker>
  removeBroker(address: { readonly host: string; readonly port: number }): void
}

interface ProducerId {
  readonly producerId: string
  readonly producerEpoch: number
}

export interface RequestWriterOptions {
  readonly requestTimeoutMs: number
  readonly compression: CompressionTypes
}

export class RequestWriter {
  private readonly nextSequences = new Map<string, number>()
  private readonly out = new Set<string>()
  private readonly newTopics = new Set<string>()
  private learning: Promise<void> | undefined
  private id: ProducerId | undefined
  private closed = false

  constructor(
    private readonly cluster: WritableCluster,
    private readonly topics: Pick<KnownTopics, 'refresh'>,
    private readonly options: RequestWriterOptions,
  ) {}

  /** Nothing is written before it has resolved: without a producer id the broker would not recognize repetitions. */
  async connect(): Promise<void> {
    await this.cluster.connect()
    await this.cluster.refreshMetadataIfNecessary()
    const broker = await this.cluster.findControllerBroker()
    for (let attempt = 1; this.id === undefined; attempt++) {
      try {
        this.id = await broker.initProducerId({ transactionTimeout: TRANSACTION_TIMEOUT_MS })
      } catch (error) {
        if ((error as { type?: string }).type !== GETS_NEW_IDS || attempt === ID_ATTEMPTS) throw error
        await sleep(ID_WAIT_MS)
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await this.cluster.disconnect()
  }

  /** Has the leaders of the topic's partitions looked up, if it is new; those of all topics of one moment at once. */
  async learn(topic: string): Promise<void> {
    if (this.cluster.targetTopics.has(topic)) return
    this.newTopics.add(topic)
    while (this.newTopics.has(topic)) await (this.learning ??= this.learnNew())
  }

  private async learnNew(): Promise<void> {
    try {
      await turn()
      const topics = [...this.newTopics]
      this.newTopics.clear()
      await this.cluster.addMultipleTargetTopics(topics)
    } finally {
      this.learning = undefined
    }
  }

  /**
   * @param leader `undefined`: that of the first batch
   * @throws when nothing is known about any batch: each may have been stored
   */
  async write(batches: readonly PartitionBatch[], leader: number | undefined): Promise<readonly Outcome[]> {
    const keys = batches.map(partitionKey)
    if (new Set(keys).size < keys.length || keys.some((key) => this.out.has(key)))
      throw new Error('two batches of a partition')
    for (const key of keys) this.out.add(key)
    try {
      return this.outcomes(batches, await this.request(batches, leader))
    } catch (error) {
      this.topics.refresh()
      const { name, host, port } = error as { name?: string; host?: string; port?: number }
      if (name === 'KafkaJSConnectionClosedError')
        this.cluster.removeBroker({ host: host ?? '', port: port ?? 0 })
      throw error
    } finally {
      for (const key of keys) this.out.delete(key)
    }
  }

  private async request(
    batches: readonly PartitionBatch[],
    leader: number | undefined,
  ): Promise<ProduceAnswer> {
    const { requestTimeoutMs: timeout, compression } = this.options
    this.requireOpen()
    await this.cluster.refreshMetadataIfNecessary()
    this.requireOpen()
    const nodeId = leader ?? this.leaderOf(batches[0] as PartitionBatch)
    const broker = withOwnProduce(await this.cluster.findBroker({ nodeId: String(nodeId) }))
    const id = this.requireOpen()
    const topicData = this.byTopic(batches)
    return broker.produce({ acks: ALL_REPLICAS, timeout, compression, ...id, topicData })
  }

  /** A cluster that is used after its end would connect again. */
  private requireOpen(): ProducerId {
    if (!this.closed && this.id !== undefined) return this.id
    throw kafkaClosed('the Kafka producer is being closed')
  }

  private leaderOf({ topic, partition }: TopicPartition): string {
    const [leader] = Object.keys(this.cluster.findLeaderForPartitions(topic, [partition]))
    return leader as string
  }

  private byTopic(batches: readonly PartitionBatch[]): ProduceRequest['topicData'] {
    const topics = new Map<string, ProduceRequest['topicData'][number]['partitions'][number][]>()
    for (const batch of batches) {
      const { topic, partition, records: messages } = batch
      const firstSequence = this.nextSequences.get(partitionKey(batch)) ?? 0
      const partitions = topics.get(topic) ?? []
      partitions.push({ partition, messages, firstSequence })
      topics.set(topic, partitions)
    }
    return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
  }

  private outcomes(batches: readonly PartitionBatch[], answer: ProduceAnswer): readonly Outcome[] {
    const parts = new Map<string, ProducedPartition | undefined>()
    for (const { topicName: topic, partitions } of answer.topics) {
      for (const part of partitions) {
        const key = partitionKey({ topic, partition: part.partition })
        // One that is named twice says nothing.
        parts.set(key, parts.has(key) ? undefined : part)
      }
    }
    return batches.map((batch) => {
      const key = partitionKey(batch)
      const outcome = outcomeOf(batch, parts.get(key))
      if (typeof outcome === 'number') {
        this.nextSequences.set(key, ((this.nextSequences.get(key) ?? 0) + batch.records.length) % SEQUENCES)
      } else {
        this.topics.refresh()
      }
      return outcome
    })
  }
}

/** The offset, if the answer names the partition, no error, and an offset. */
function outcomeOf({ topic, partition }: TopicPartition, part: ProducedPartition | undefined): Outcome {
  if (part !== undefined && part.errorCode !== 0) return kafkaError(part.errorCode)
  const offset = Number(part?.baseOffset ?? -1)
  if (offset >= 0) return offset
  return new PipelineError(
    'KAFKA_ANSWER_INCOMPLETE',
    `the broker's answer does not say that ${topic}, partition ${partition} was written`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaIncompleteAnswer') }) },
  )
}
