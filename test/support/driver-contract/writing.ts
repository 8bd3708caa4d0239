/** What a driver stores: every byte, where and in the order it was asked to. */
import assert from 'node:assert/strict'
import type { KafkaRecord } from '../../../src/kafka/driver'
import { createTestTopic, uniqueName } from '../kafka'
import { numbered } from '../kafka-consumers'
import { readTopic } from '../kafka-log'
import { until } from '../until'
import { batchOf, type ContractStage } from './stage'

export function writingContract(stage: () => ContractStage): void {
  it('answers with the offset of the first record', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().producer()
    assert.equal(await producer.send(topic, 0, batchOf(['a'])), 0)
    assert.equal(await producer.send(topic, 0, batchOf(['b', 'c', 'd'])), 1)
    assert.equal(await producer.send(topic, 0, batchOf(['e'])), 4)
    assert.deepEqual(await stage().valuesOf(topic), ['a', 'b', 'c', 'd', 'e'])
  })

  it('keeps every byte of key, value and headers, null and empty ones, and the time', async () => {
    const topic = await createTestTopic(stage().brokers, { config: { 'retention.ms': '-1' } })
    const bytes = Buffer.from([0, 255, 0xc3, 0x28, 1, 254])
    const records: KafkaRecord[] = [
      { key: 'k', value: bytes, headers: { raw: bytes, text: 'ü', twice: ['1', '2'] }, timestamp: 1 },
      { key: bytes, value: Buffer.alloc(0), headers: { empty: '' }, timestamp: 1_700_000_000_123 },
      { key: null, value: null, headers: {}, timestamp: 1_700_000_000_124 },
      { key: '', value: Buffer.from('x'), headers: {}, timestamp: 1_600_000_000_000 },
    ]
    await stage().producer().send(topic, 0, records)
    const reader = stage().consumer({ groupId: uniqueName('group'), topics: [topic] })
    await until(() => reader.count === records.length)
    const read = reader.batches.flatMap((batch) => batch.records)
    assert.deepEqual(
      read.map(({ key, value, timestamp }) => [key, value, timestamp]),
      records.map(({ key, value, timestamp }) => [
        typeof key === 'string' ? Buffer.from(key) : key,
        value,
        timestamp,
      ]),
    )
    assert.deepEqual(Object.keys(read[0]?.headers ?? {}), ['raw', 'text', 'twice'])
    const { raw, text, twice } = read[0]?.headers ?? {}
    assert.deepEqual(raw, bytes)
    assert.equal(String(text), 'ü')
    assert.deepEqual((twice as Buffer[]).map(String), ['1', '2'])
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`writes what everybody can read with compression ${compression}, or says that it cannot`, async () => {
      const topic = await createTestTopic(stage().brokers)
      const values = numbered(300, 'the same text again and again ')
      let producer
      try {
        producer = stage().producer({ compression })
      } catch (error) {
        const { code, retryable } = error as { code?: string; retryable?: boolean }
        assert.deepEqual([code, retryable], ['KAFKA_COMPRESSION_UNAVAILABLE', false])
        assert.ok(['lz4', 'zstd'].includes(compression))
        return
      }
      await producer.send(topic, 0, batchOf(values))
      assert.deepEqual(await stage().valuesOf(topic), values)
    })
  }

  it('writes to the partition it is given, whatever the key', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 4 })
    const producer = stage().producer()
    const record = { key: 'same', value: Buffer.from('x'), headers: {}, timestamp: Date.now() }
    await Promise.all([0, 1, 2, 3].map((partition) => producer.send(topic, partition, [record])))
    const stored = await readTopic(stage().brokers, topic)
    assert.deepEqual(
      stored.map(({ partition }) => partition),
      [0, 1, 2, 3],
    )
  })

  it('keeps the order of many batches, in many partitions at once', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 8 })
    const producer = stage().producer({ compression: 'snappy' })
    const write = async (partition: number): Promise<void> => {
      for (let at = 0; at < 200; at += 10) {
        const offset = await producer.send(topic, partition, batchOf(numbered(200).slice(at, at + 10)))
        assert.equal(offset, at)
      }
    }
    const partitions = [0, 1, 2, 3, 4, 5, 6, 7]
    await Promise.all(partitions.map(write))
    assert.deepEqual(
      await stage().valuesOf(topic),
      partitions.flatMap(() => numbered(200)),
    )
  })

  it('knows the number of partitions', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 7 })
    assert.equal(await stage().producer().partitionCount(topic), 7)
  })
}
