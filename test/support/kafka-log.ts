/** Reads a whole topic, as it lies in Kafka, for tests that count what is in it. */
import type { Consumer } from 'kafkajs'
import { registerCodecs } from '../../src/kafka/kafkajs-codecs'
import { testClient, uniqueName, withAdmin } from './kafka'

export interface LoggedRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** The records that are in the topic now, in the order of each partition. */
export async function readTopic(brokers: string, topic: string): Promise<LoggedRecord[]> {
  const ends = await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic))
  const missing = new Map(
    ends
      .filter(({ low, high }) => Number(high) > Number(low))
      .map(({ partition, high }) => [partition, Number(high)]),
  )
  if (missing.size === 0) return []
  registerCodecs()
  const consumer = testClient(brokers).consumer({ groupId: uniqueName('reader') })
  try {
    return await readUntil(consumer, topic, missing)
  } finally {
    await consumer.disconnect()
  }
}

async function readUntil(
  consumer: Consumer,
  topic: string,
  missing: Map<number, number>,
): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachBatch: ({ batch }) => {
          for (const { offset, key, value, headers } of batch.messages) {
            records.push({
              partition: batch.partition,
              offset: Number(offset),
              key: key?.toString(),
              value: value ?? Buffer.alloc(0),
              headers: Object.fromEntries(
                Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]),
              ),
            })
          }
          const end = missing.get(batch.partition)
          if (end !== undefined && Number(batch.lastOffset()) >= end - 1) missing.delete(batch.partition)
          if (missing.size === 0) resolve()
          return Promise.resolve()
        },
      })
      // kafkajs rejects `run` also for what it then mends by itself: a coordinator that loads after a restart.
      .catch((error: Error & { retriable?: boolean }) => {
        if (error.retriable !== true) reject(error)
      })
  })
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
