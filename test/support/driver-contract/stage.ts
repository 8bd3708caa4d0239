/** What the cases of the contract share: one broker with a proxy before it, and everything that a case has opened. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConnection } from '../../../src/kafka/connection'
import type {
  ConsumedBatch,
  ConsumerOptions,
  KafkaAdmin,
  KafkaDriver,
  KafkaProducer,
  KafkaRecord,
  ProducerOptions,
} from '../../../src/kafka/driver'
import { PipelineError } from '../../../src/wire/errors'
import type { FaultProxy } from '../../faults/fault-proxy'
import { RecordingConsumer } from '../kafka-consumers'
import { readTopic } from '../kafka-log'
import { securedKafka, type SecuredKafka } from '../secured-kafka'

/** Consumers of the driver look for new topics and partitions every second or more often. */
export type MakeDriver = (connection: KafkaConnection) => KafkaDriver

/** Short, so that a broker that is silent is soon called silent. */
const LIMITS = { clientId: 'contract', connectionTimeoutMs: 2_000, requestTimeoutMs: 1_500 }
const PAUSE_MS = 10
const PRODUCING: ProducerOptions = { compression: 'none', requestTimeoutMs: 1_000 }

export class ContractStage {
  private readonly opened: { close(): Promise<void> }[] = []

  private constructor(
    private readonly makeDriver: MakeDriver,
    readonly kafka: SecuredKafka,
  ) {}

  static async open(makeDriver: MakeDriver): Promise<ContractStage> {
    return new ContractStage(makeDriver, await securedKafka())
  }

  /** The broker itself, for what a case looks at. */
  get brokers(): string {
    return this.kafka.service.address
  }

  get proxy(): FaultProxy {
    return this.kafka.proxy
  }

  /** A driver that reaches the broker directly; or another one. */
  driver(change: Partial<KafkaConnection> = {}): KafkaDriver {
    const direct = { brokers: this.brokers.split(','), tls: undefined, sasl: undefined }
    return this.makeDriver({ ...direct, ...LIMITS, ...change })
  }

  producer(options: Partial<ProducerOptions> = {}, driver = this.driver()): KafkaProducer {
    return this.keep(driver.producer({ ...PRODUCING, ...options }))
  }

  /** A producer on the other side of the proxy. */
  disturbed(): KafkaProducer {
    return this.producer({}, this.driver({ brokers: [this.proxy.address] }))
  }

  admin(driver = this.driver()): KafkaAdmin {
    return this.keep(driver.admin())
  }

  consumer(
    options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'groupId' | 'topics'>,
    work?: (batch: ConsumedBatch) => Promise<void>,
    driver = this.driver({ requestTimeoutMs: 10_000 }),
  ): RecordingConsumer {
    return this.keep(new RecordingConsumer(driver, options, work))
  }

  /** The values that a topic holds, in the order of each partition. */
  async valuesOf(topic: string): Promise<string[]> {
    return (await readTopic(this.brokers, topic)).map(({ value }) => String(value))
  }

  /** Heals the proxy, and closes what the case has opened. */
  async cleanUp(): Promise<void> {
    this.proxy.set({})
    await Promise.all(this.opened.splice(0).map((each) => each.close()))
  }

  private keep<T extends { close(): Promise<void> }>(opened: T): T {
    this.opened.push(opened)
    return opened
  }
}

/** Of now: Kafka deletes by the records' own time, and would delete those of 1970 while a case runs. */
export function batchOf(values: readonly string[]): KafkaRecord[] {
  const timestamp = Date.now()
  return values.map((value) => ({ key: null, value: Buffer.from(value), headers: {}, timestamp }))
}

/** Fails when the send succeeds. */
export async function failureOf(send: Promise<unknown>): Promise<PipelineError> {
  try {
    await send
  } catch (error) {
    if (error instanceof PipelineError) return error
    throw error
  }
  throw new Error('it did not fail')
}

export interface Stored {
  readonly offset: number
  readonly failures: readonly PipelineError[]
}

/** Sends the identical batch until it is stored, as every user of a driver does. @throws what is not retryable */
export async function sendUntilStored(
  producer: KafkaProducer,
  topic: string,
  records: readonly KafkaRecord[],
  partition = 0,
): Promise<Stored> {
  const failures: PipelineError[] = []
  for (;;) {
    try {
      return { offset: await producer.send(topic, partition, records), failures }
    } catch (error) {
      if (!(error instanceof PipelineError) || !error.retryable || error.code === 'KAFKA_CLOSED') throw error
      failures.push(error)
      await sleep(PAUSE_MS)
    }
  }
}
