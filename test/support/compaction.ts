/** A topic from which Kafka has deleted records by compaction, at its beginning, in between and at its end. */
import { numbered } from './kafka-consumers'
import { createTestTopic, testClient } from './kafka'
import { readTopic } from './kafka-log'
import { until } from './until'

const COMPACTED = { 'cleanup.policy': 'compact', 'segment.ms': '500', 'min.cleanable.dirty.ratio': '0.01' }

export interface CompactedTopic {
  readonly topic: string
  readonly keys: readonly string[]
  /** Of the records that are left. Kafka may compact more at any time. */
  readonly offsets: readonly number[]
}

export async function compactedTopic(brokers: string): Promise<CompactedTopic> {
  const topic = await createTestTopic(brokers, { config: COMPACTED })
  const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const write = (keys: readonly string[]): Promise<unknown> =>
    producer.send({ topic, acks: -1, messages: keys.map((key) => ({ key, value: key, partition: 0 })) })
  const keys = numbered(20)
  for (let round = 0; round < 10; round++) await write(keys)
  await write(['last', ...keys, 'last'])
  // The segment that is written to is not compacted: another one has to follow it.
  let offsets: number[] = []
  await until('old records are compacted away', async () => {
    await write(['last'])
    offsets = (await readTopic(brokers, topic)).map(({ offset }) => offset)
    return offsets.some((offset, at) => at > 0 && offset > (offsets[at - 1] ?? 0) + 1)
  })
  await producer.disconnect()
  return {
    topic,
    keys: [...keys, 'last'],
    offsets: (await readTopic(brokers, topic)).map(({ offset }) => offset),
  }
}
