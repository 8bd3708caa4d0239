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
import type { KafkaLog } from './client'
import { KafkaJsConsumer } from './consumer'
import { KafkaJsProducer } from './producer'

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
    return new KafkaJsConsumer(this.connection, options, this.log, this.refreshMs)
  }

  admin(): KafkaAdmin {
    return new KafkaJsAdmin(this.connection, this.log)
  }
}
