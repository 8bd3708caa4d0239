/**
 * Writes batches, those for one broker in one request, and says of each whether it was stored.
 *
 * A *generation* is one producer id of Kafka, with the client that uses it. It is replaced when the broker has lost its
 * state (the sequence numbers no longer fit), and when kafkajs is in a state that it does not leave by itself. The caller
 * sends the identical batch again, which the next generation writes.
 *
 * Non-obvious:
 *  - After a timeout kafkajs stays on the silent connection, and with the leader it knows. That connection is cut,
 *    and the brokers that answer are asked for the leader.
 *  - A batch that has failed may have been stored all the same: see `batches-in-doubt.ts`.
 */
import type { CompressionTypes } from 'kafkajs'
import { settlesWithin } from '../../../../time/deadline'
import { PipelineError } from '../../../../wire/errors'
import { kafkaClosed } from '../../../error-verdicts'
import type { KafkaConnection } from '../../../connection'
import type { KafkaProducer, KafkaRecord, ProducerOptions } from '../../../driver'
import { KafkaJsAdmin } from '../admin'
import { RequestWriter, type WritableCluster } from './request-writer'
import { createKafkaJsClient, type KafkaJsClient, type KafkaLog } from '../client'
import { compressionType } from '../codecs'
import { isOfConnection, silentBroker, translateKafkaError } from '../errors'
import { clusterFactory } from '../patches/cluster-factory'
import { tolerateBrokenTopics, type KnownTopics } from '../patches/metadata'
import { BatchesInDoubt } from '../../../produce/batches-in-doubt'
import { JointRequests } from '../../../produce/joint-requests'
import { ALWAYS_FITS_BYTES, DEFAULT_REQUEST_BYTES, sizeOf, tooLargeFor } from '../../../produce/request-limit'
import { phrase } from '../../../../status/phrase'

/** kafkajs' default: leaders that have moved are noticed by the refusals. */
const METADATA_AGE_MS = 300_000
const DISCONNECT_LIMIT_MS = 1000

interface Generation {
  readonly client: KafkaJsClient
  readonly writer: RequestWriter
  readonly ready: Promise<void>
  readonly topics: KnownTopics
  readonly requests: JointRequests
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
      if (generation.topics.leaderOf({ topic, partition }) === undefined) await generation.writer.learn(topic)
      const offset = await generation.requests.send({ topic, partition, records, bytes })
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
    if (this.closed) throw kafkaClosed('the Kafka producer is being closed')
    if (this.generation?.inDoubt.confuses(lane, records) === true) this.retire(this.generation)
    this.generation ??= this.open()
    return this.generation
  }

  private open(): Generation {
    const client = createKafkaJsClient(this.connection, this.log)
    const topics = tolerateBrokenTopics(client)
    const writer = new RequestWriter(clusterForWriting(client), topics, {
      compression: this.compression,
      requestTimeoutMs: this.options.requestTimeoutMs,
    })
    const ready = writer.connect()
    const generation: Generation = {
      client,
      writer,
      ready,
      topics,
      requests: new JointRequests({
        leaderOf: topics.leaderOf,
        write: (batches, leader) => writer.write(batches, leader),
        isOfConnection,
      }),
      inDoubt: new BatchesInDoubt(),
      outstanding: 0,
      retired: false,
    }
    ready.catch(() => this.retire(generation))
    return generation
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
        status: phrase('kafka', { problem: phrase('kafkaAskingAgain') }),
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
  await settlesWithin(generation.writer.close(), DISCONNECT_LIMIT_MS)
  generation.client.cut()
}

/** The brokers of a client, asked one after the other. Nothing here creates a topic. */
function clusterForWriting({ kafka }: KafkaJsClient): WritableCluster {
  const factory = clusterFactory<WritableCluster>(kafka)
  if (factory === undefined) throw new Error('this is not the kafkajs that this package was made for')
  return factory.create({
    metadataMaxAge: METADATA_AGE_MS,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
  })
}
