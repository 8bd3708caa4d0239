/** Consumers for integration tests, which write down everything that they are handed. */
import type {
  ConsumedBatch,
  ConsumerOptions,
  KafkaConsumer,
  KafkaDriver,
  PartitionStop,
  TopicPartition,
  UnreadPartition,
} from '../../src/kafka/driver'
import type { PipelineError } from '../../src/wire/errors'
import { testClient, withAdmin } from './kafka'

export class RecordingConsumer {
  readonly batches: ConsumedBatch[] = []
  readonly assigned: TopicPartition[] = []
  readonly revoked: TopicPartition[] = []
  readonly stopped: ({ partition: TopicPartition } & PartitionStop)[] = []
  readonly states: (PipelineError | undefined)[] = []
  readonly excluded: string[] = []
  readonly impairments: (PipelineError | undefined)[] = []
  unread: readonly UnreadPartition[] = []
  joins = 0
  readonly consumer: KafkaConsumer

  /** @param work what is done with a batch before it is committed */
  constructor(
    driver: KafkaDriver,
    options: Partial<ConsumerOptions> & Pick<ConsumerOptions, 'groupId' | 'topics'>,
    work: (batch: ConsumedBatch) => Promise<void> = () => Promise.resolve(),
  ) {
    const settings: ConsumerOptions = {
      sessionTimeoutMs: 6_000,
      assigner: 'round-robin',
      maxBytesPerPartition: 262_144,
      maxWaitMs: 500,
      lingerMs: 25,
      commitEveryMs: 0,
      maxBatchRecords: 500,
      maxBatchBytes: 1_048_576,
      startOffset: (_, committed) =>
        Promise.resolve(committed === undefined ? 'earliest' : { offset: committed }),
      ...options,
      onBatch: async (batch) => {
        this.batches.push(batch)
        await work(batch)
        await this.consumer.commit(batch, batch.nextOffset)
      },
      onAssigned: (partitions) => {
        this.joins++
        this.assigned.push(...partitions)
      },
      onRevoked: (partitions) => void this.revoked.push(...partitions),
      onState: (problem) => void this.states.push(problem),
      onImpaired: (problem) => void this.impairments.push(problem),
      onUnread: (partitions) => {
        this.unread = partitions
      },
      onStopped: (partition, stop) => void this.stopped.push({ partition, ...stop }),
      onExcluded: (topics) => void this.excluded.push(...topics),
    }
    this.consumer = driver.consumer(settings)
    this.consumer.start()
  }

  /** Values in the order of arrival. */
  get values(): string[] {
    return this.batches.flatMap((batch) => batch.records.map((record) => String(record.value)))
  }

  /** `partition:offset` in the order of arrival. */
  get positions(): string[] {
    return this.batches.flatMap((batch) =>
      batch.records.map((record) => `${batch.partition}:${record.offset}`),
    )
  }

  /** How many records have arrived. */
  get count(): number {
    return this.batches.reduce((sum, batch) => sum + batch.records.length, 0)
  }

  close(): Promise<void> {
    return this.consumer.close()
  }
}

/** What a group has committed; -1: nothing. Right after the start of a broker its groups are still being loaded. */
export async function committedOffset(
  brokers: string,
  { group, topic, partition = 0 }: { group: string; topic: string; partition?: number },
): Promise<number> {
  try {
    return await withAdmin(brokers, async (admin) => {
      const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      return Number(answer?.partitions.find((it) => it.partition === partition)?.offset)
    })
  } catch (error) {
    const stillLoading = ['NOT_COORDINATOR_FOR_GROUP', 'GROUP_LOAD_IN_PROGRESS']
    if (stillLoading.includes((error as { type?: string }).type ?? '')) return -1
    throw error
  }
}

/** Writes the values to one partition. */
export async function produce(
  brokers: string,
  topic: string,
  values: readonly (string | null)[],
  partition = 0,
  headers: Record<string, string> = {},
): Promise<void> {
  const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  try {
    for (let i = 0; i < values.length; i += 1_000) {
      const messages = values.slice(i, i + 1_000).map((value) => ({ key: null, value, partition, headers }))
      await producer.send({ topic, acks: -1, messages })
    }
  } finally {
    await producer.disconnect()
  }
}

export function numbered(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}
