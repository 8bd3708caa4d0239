/**
 * Writes batches through kafkajs, those of several partitions in one request, and checks the answer for each.
 *
 * A *generation* is one kafkajs producer with its producer id. It is replaced when the broker has lost its state
 * (the sequence numbers no longer fit), and when kafkajs is in a state that it does not leave by itself. The caller
 * sends the identical batch again, which the next generation writes.
 *
 * Non-obvious:
 *  - A producer that could not get its producer id writes without one. So a generation is used only when `connect`
 *    has succeeded.
 *  - After a timeout kafkajs stays on the silent connection, and with the leader it knows. That connection is cut,
 *    and the brokers that answer are asked for the leader.
 *  - A batch that has failed may have been stored all the same: see `batches-in-doubt.ts`.
 */
import type { CompressionTypes, IHeaders, Message, PartitionerArgs, Producer, RecordMetadata } from 'kafkajs'
import { settlesWithin } from '../../../time/deadline'
import { PipelineError } from '../../../wire/errors'
import type { KafkaConnection } from '../../connection'
import type { KafkaProducer, KafkaRecord, ProducerOptions } from '../../driver'
import { KafkaJsAdmin } from './admin'
import { createKafkaJsClient, type KafkaJsClient, type KafkaLog } from './client'
import { compressionType } from './codecs'
import { isOfConnection, silentBroker, translateKafkaError } from './errors'
import { tolerateBrokenTopics, type KnownTopics } from './patches/metadata'
import { BatchesInDoubt } from '../../produce/batches-in-doubt'
import { JointRequests, type PartitionBatch } from '../../produce/joint-requests'
import { ALWAYS_FITS_BYTES, DEFAULT_REQUEST_BYTES, sizeOf, tooLargeFor } from '../../produce/request-limit'

const ALL_REPLICAS = -1
/**
 * kafkajs refuses fewer than one retry for an idempotent producer, and then retries while `count < retries`: this
 * passes the one and ends the other. A retry of its own would queue behind all other partitions of a broker that
 * does not answer, and the caller would hear of the trouble minutes later.
 */
const NO_RETRIES = NaN
const DISCONNECT_LIMIT_MS = 1000

interface Generation {
  readonly client: KafkaJsClient
  readonly producer: Producer
  readonly ready: Promise<void>
  readonly topics: KnownTopics
  readonly requests: JointRequests<RecordMetadata[]>
  readonly inDoubt: BatchesInDoubt
  outstanding: number
  retired: boolean
}

export class KafkaJsProducer implements KafkaProducer {
  private readonly compression: CompressionTypes
  private readonly admin: KafkaJsAdmin
  private generation: Generation | undefined
  private requestLimit: number | undefined
  private closed = false

  /** @throws PipelineError `KAFKA_COMPRESSION_UNAVAILABLE` */
  constructor(
    private readonly connection: KafkaConnection,
    private readonly options: ProducerOptions,
    private readonly log: KafkaLog,
  ) {
    this.compression = compressionType(options.compression)
    this.admin = new KafkaJsAdmin(connection, log)
  }

  partitionCount(topic: string): Promise<number> {
    return this.admin.partitionCount(topic)
  }

  async send(topic: string, partition: number, records: readonly KafkaRecord[]): Promise<number> {
    const doing = `writing to ${topic}, partition ${partition}`
    const lane = `${topic}/${partition}`
    const bytes = sizeOf(records)
    await this.refuseTooLarge(bytes, doing)
    const generation = this.current(lane, records)
    generation.outstanding++
    try {
      await generation.ready
      const answer = await generation.requests.send({ topic, partition, records, bytes })
      const offset = offsetOf(answer, topic, partition)
      generation.inDoubt.stored(lane)
      return offset
    } catch (thrown) {
      const error = translateKafkaError(thrown, doing)
      generation.inDoubt.failed(lane, records, error.retryable)
      this.recover(generation, error)
      throw error.code === 'KAFKA_UNKNOWN_TOPIC' ? await this.askAbout(topic, error) : error
    } finally {
      generation.outstanding--
      if (generation.retired && generation.outstanding === 0) void dispose(generation)
    }
  }

  private async refuseTooLarge(bytes: number, doing: string): Promise<void> {
    if (bytes <= ALWAYS_FITS_BYTES) return
    this.requestLimit ??= await this.admin.requestLimit().catch(() => undefined)
    const tooLarge = tooLargeFor(this.requestLimit ?? DEFAULT_REQUEST_BYTES, bytes, doing)
    if (tooLarge !== undefined) throw tooLarge
  }

  async close(): Promise<void> {
    this.closed = true
    const { generation } = this
    this.generation = undefined
    await Promise.all([this.admin.close(), generation === undefined ? undefined : dispose(generation)])
  }

  private current(lane: string, records: readonly KafkaRecord[]): Generation {
    if (this.closed) {
      throw new PipelineError('KAFKA_CLOSED', 'the Kafka producer is being closed', { retryable: true })
    }
    if (this.generation?.inDoubt.confuses(lane, records) === true) this.retire(this.generation)
    this.generation ??= this.open()
    return this.generation
  }

  private open(): Generation {
    const client = createKafkaJsClient(this.connection, this.log)
    const topics = tolerateBrokenTopics(client)
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionOfMessage,
      retry: { retries: NO_RETRIES },
    })
    const ready = producer.connect()
    const generation: Generation = {
      client,
      producer,
      ready,
      topics,
      requests: new JointRequests({
        leaderOf: ({ topic, partition }) => topics.leaderOf(topic, partition),
        write: (batches, leader) => this.request(producer, batches, leader),
        isOfConnection,
      }),
      inDoubt: new BatchesInDoubt(),
      outstanding: 0,
      retired: false,
    }
    ready.catch(() => this.retire(generation))
    return generation
  }

  private async request(
    producer: Producer,
    batches: readonly PartitionBatch[],
    leader: number | undefined,
  ): Promise<RecordMetadata[]> {
    return producer.send({
      topic: batches[0]?.topic ?? '',
      acks: ALL_REPLICAS,
      timeout: this.options.requestTimeoutMs,
      compression: this.compression,
      messages: batches.flatMap(({ partition, records }) =>
        // One look at the leader for each partition: kafkajs asks its partitioner about every message.
        records.map((record, index) => toMessage(record, partition, index === 0 ? leader : undefined)),
      ),
    })
  }

  /** Does what the error asks for, so that the next attempt may succeed. */
  private recover(generation: Generation, error: PipelineError): void {
    switch (error.code) {
      case 'KAFKA_PRODUCER_LOST':
      case 'KAFKA_ANSWER_INCOMPLETE':
      case 'KAFKA_FAILED':
        this.retire(generation)
        break
      case 'KAFKA_NO_ANSWER':
        generation.client.avoid(silentBroker(error.cause))
        generation.topics.refresh()
    }
  }

  /** A broker that has just started does not know its partitions yet: it is believed when another one agrees. */
  private async askAbout(topic: string, error: PipelineError): Promise<PipelineError> {
    try {
      await this.admin.partitionCount(topic)
      return new PipelineError('KAFKA_STALE_METADATA', `${error.message}; asking again`, {
        retryable: true,
        statusText: 'Kafka: asking for the topics again',
        cause: error,
      })
    } catch (thrown) {
      return translateKafkaError(thrown, `asking for topic ${topic}`)
    }
  }

  private retire(generation: Generation): void {
    if (this.generation === generation) this.generation = undefined
    generation.retired = true
    if (generation.outstanding === 0) void dispose(generation)
  }
}

/** Disconnects in good order if that is quick, and cuts the connections in any case. Never rejects. */
async function dispose(generation: Generation): Promise<void> {
  await settlesWithin(generation.producer.disconnect(), DISCONNECT_LIMIT_MS)
  generation.client.cut()
}

interface DirectedMessage extends Message {
  readonly partition: number
  /** The only broker that it may go to. */
  readonly leader: number | undefined
}

/**
 * The caller has chosen; kafkajs asks its partitioner even for a message that names its partition. Right after that, with
 * the same metadata, it looks up the leaders: this is the moment to find that the request would be split.
 * @throws PipelineError `KAFKA_STALE_METADATA` when the partition has another leader by now; nothing has been sent
 */
export function partitionOfMessage({ message, topic, partitionMetadata }: PartitionerArgs): number {
  const { partition, leader } = message as DirectedMessage
  if (leader === undefined) return partition
  const now = partitionMetadata.find(({ partitionId }) => partitionId === partition)?.leader
  if (now === leader) return partition
  throw new PipelineError('KAFKA_STALE_METADATA', `${topic}, partition ${partition} has another leader`, {
    retryable: true,
    statusText: 'Kafka: leader moved',
  })
}

function toMessage(record: KafkaRecord, partition: number, leader: number | undefined): DirectedMessage {
  return {
    key: record.key,
    value: record.value,
    headers: record.headers as IHeaders,
    timestamp: String(record.timestamp),
    partition,
    leader,
  }
}

/** @throws PipelineError unless the answer names this partition, once, without an error, and has an offset */
function offsetOf(answer: readonly RecordMetadata[], topic: string, partition: number): number {
  const [only, ...others] = answer.filter((part) => part.topicName === topic && part.partition === partition)
  const offset = Number(only?.baseOffset ?? only?.offset ?? -1)
  if (others.length === 0 && only?.errorCode === 0 && offset >= 0) return offset
  throw new PipelineError(
    'KAFKA_ANSWER_INCOMPLETE',
    `the broker's answer does not say that ${topic}, partition ${partition} was written`,
    { retryable: true, statusText: 'Kafka: incomplete answer' },
  )
}
