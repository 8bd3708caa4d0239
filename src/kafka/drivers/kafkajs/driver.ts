/** The driver over kafkajs 2.2.4. Why it needs the rules of `driver.ts`: kafkajs loses records without them. */
import type { KafkaConnection } from '../../connection'
import type {
  ConsumerOptions,
  KafkaAdmin,
  KafkaConsumer,
  KafkaDriver,
  KafkaProducer,
  ProducerOptions,
} from '../../driver'
import { KafkaJsAdmin } from './admin'
import { GroupConsumer } from '../../group/group-consumer'
import { createKafkaJsClient, type KafkaLog } from './client'
import { translateKafkaError } from './errors'
import { KafkaJsProducer } from './produce/producer'
import { KafkaJsSession } from './session'

export class KafkaJsDriver implements KafkaDriver {
  /** @param refreshMs how often consumers look for new topics and partitions */
  constructor(
    private readonly connection: KafkaConnection,
    private readonly log: KafkaLog,
    private readonly refreshMs?: number,
  ) {}

  producer(options: ProducerOptions): KafkaProducer {
    return new KafkaJsProducer(this.connection, options, this.log)
  }

  consumer(options: ConsumerOptions): KafkaConsumer {
    return new GroupConsumer({
      consumer: options,
      // kafkajs keeps the committed offsets of a group in the client, where two consumers of one group would overwrite
      // each other's, so each session has a client of its own.
      openSession: (context) => new KafkaJsSession(createKafkaJsClient(this.connection, this.log), context),
      translate: translateKafkaError,
      refreshMs: this.refreshMs,
    })
  }

  admin(): KafkaAdmin {
    return new KafkaJsAdmin(this.connection, this.log)
  }
}
