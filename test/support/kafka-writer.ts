/** A producer of ours against a real Kafka, with the settings of a test. */
import type { Completion } from '../../src/batching/lane'
import { KafkaCluster } from '../../src/kafka/cluster'
import { parseBrokers, type KafkaConnection } from '../../src/kafka/connection'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { TenantProducer, type TenantProducerOptions } from '../../src/kafka/produce/producer'
import type { WireRecord } from '../../src/wire/message'
import { keptLog } from './events'

const CLOSE_MS = 5000

export class KafkaWriter {
  private readonly events = keptLog()
  readonly producer: TenantProducer
  readonly cluster: KafkaCluster

  constructor(
    brokers: string,
    options: Partial<TenantProducerOptions> = {},
    connection: Partial<KafkaConnection> = {},
  ) {
    const full: KafkaConnection = {
      brokers: parseBrokers(brokers),
      clientId: 'test',
      tls: undefined,
      sasl: undefined,
      connectionTimeoutMs: 2000,
      requestTimeoutMs: 2000,
      ...connection,
    }
    this.cluster = new KafkaCluster(full, new KafkaJsDriver(full, () => undefined))
    this.producer = new TenantProducer(this.cluster, {
      topic: '',
      format: 'raw',
      compression: 'snappy',
      limits: { maxRecords: 500, maxBytes: 900_000, lingerMs: 5 },
      missingTopic: 'wait',
      maxNewTopics: 1_000,
      newTopic: { partitions: 3, replicas: 1, retentionMs: 259_200_000 },
      log: this.events.log,
      ...options,
    })
  }

  /** What the log has about topics that are not safe. */
  get warnings(): string[] {
    return this.events.entries.filter(({ level }) => level === 'warn').map(({ message }) => message)
  }

  /** Writes records and waits for all of them. @returns for each, the error code or `stored` */
  write(records: readonly WireRecord[]): Promise<string[]> {
    return Promise.all(
      records.map(
        (record) =>
          new Promise<string>((resolve) => {
            const completion: Completion = {
              stored: () => resolve('stored'),
              failed: ({ code }) => resolve(code),
            }
            this.producer.write(record, completion)
          }),
      ),
    )
  }

  async close(): Promise<void> {
    await this.producer.close(CLOSE_MS)
    await this.cluster.close(0)
  }
}
