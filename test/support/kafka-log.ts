/** Reads a whole topic as Kafka stores it, for tests that look at its records. */
import type { Consumer } from 'kafkajs'
import { registerCodecs } from '../../src/kafka/drivers/kafkajs/codecs'
import { testClient, uniqueName, withAdmin } from './kafka'
import { useSafeHeaders } from './safe-headers'

export interface StoredRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  /** Null is a tombstone. */
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  readonly timestamp: number
  /** Who wrote the batch of this record, and the first sequence number after it. */
  readonly producer: { readonly id: string; readonly epoch: number; readonly nextSequence: number }
}

/** What kafkajs says about the batch of a message, missing from its types. */
interface BatchContext {
  readonly producerId: string
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly lastOffsetDelta: number
}

/** The records that are in the topic now, partition by partition, in order. */
export async function readTopic(brokers: string, topic: string): Promise<StoredRecord[]> {
  const ends = await endsOf(brokers, topic)
  const missing = new Map(
    ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]),
  )
  if (missing.size === 0) return []
  registerCodecs()
  useSafeHeaders()
  const consumer = testClient(brokers).consumer({ groupId: uniqueName('reader') })
  try {
    return await readUntil(consumer, topic, missing)
  } finally {
    await consumer.disconnect()
  }
}

/** A broker that has just lost or got a partition is asked again. */
async function endsOf(
  brokers: string,
  topic: string,
): Promise<{ partition: number; low: string; high: string }[]> {
  for (;;) {
    try {
      return await withAdmin(brokers, (admin) => admin.fetchTopicOffsets(topic))
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true) throw error
    }
  }
}

/** @param missing the partitions that are still to be read, and their ends */
async function readUntil(
  consumer: Consumer,
  topic: string,
  missing: Map<number, number>,
): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    // kafkajs rejects `run` also for what it then repairs by itself: a coordinator that loads after a restart.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    const running = consumer.run({
      eachBatch: ({ batch }) => {
        for (const message of batch.messages) {
          const { offset, key, value, headers = {}, timestamp } = message
          const { batchContext } = message as typeof message & { readonly batchContext: BatchContext }
          records.push({
            partition: batch.partition,
            offset: Number(offset),
            key: key?.toString(),
            value,
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, header]) => [name, String(header)]),
            ),
            timestamp: Number(timestamp),
            producer: {
              id: batchContext.producerId,
              epoch: batchContext.producerEpoch,
              nextSequence: batchContext.firstSequence + batchContext.lastOffsetDelta + 1,
            },
          })
        }
        if (Number(batch.lastOffset()) + 1 >= (missing.get(batch.partition) ?? 0))
          missing.delete(batch.partition)
        if (missing.size === 0) resolve()
        return Promise.resolve()
      },
    })
    running.catch(() => undefined)
  })
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
