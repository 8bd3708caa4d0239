/** Dead letters in a real Kafka: whatever arrives becomes a record, cut if it must be. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { KafkaCluster } from '../../src/kafka/cluster'
import { parseBrokers } from '../../src/kafka/connection'
import { KafkaDeadLetterTarget } from '../../src/kafka/dead-letters/dead-letter-target'
import type { KafkaProducer, KafkaRecord, ProducerOptions } from '../../src/kafka/driver'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { PipelineError } from '../../src/wire/errors'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { createTestTopic, sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { readTopic } from '../support/kafka-log'

/** Bytes that no compression makes smaller. */
const noise = (bytes: number): Buffer =>
  Buffer.concat(Array.from({ length: bytes / 32 }, (_, n) => createHash('sha256').update(`${n}`).digest()))

describe('dead letters in a topic', () => {
  let brokers: string
  let cluster: KafkaCluster
  const targets: KafkaDeadLetterTarget[] = []

  before(async () => {
    brokers = (await sharedKafka()).address
    const connection = {
      brokers: parseBrokers(brokers),
      clientId: 'dead-letter-test',
      tls: undefined,
      sasl: undefined,
      connectionTimeoutMs: 10_000,
      requestTimeoutMs: 10_000,
    }
    cluster = new KafkaCluster(connection, new KafkaJsDriver(connection, () => undefined))
  })
  after(async () => {
    await Promise.all(targets.map((target) => target.close()))
    await cluster.close(0)
  })

  function targetFor(topic: string, create = false): KafkaDeadLetterTarget {
    const target = new KafkaDeadLetterTarget(cluster, {
      topic,
      create: create ? { partitions: 2, replicas: 0, retentionMs: 3_600_000 } : undefined,
    })
    targets.push(target)
    return target
  }

  it('creates the topic when asked to, with the bytes as value and the reason in the headers', async () => {
    const topic = uniqueName('dead')
    await targetFor(topic, true).write(
      deadLettersOf({
        payload: Buffer.from([0, 0xff]),
        tenant: 'acme',
        kafka: { topic: 'iot-messages', partition: 1, offset: 5, key: 'acme/d1' },
        error: { message: 'why', code: 'X', source: { id: 'n', type: 't' } },
      }),
    )
    const [message] = await readTopic(brokers, topic)
    assert.deepEqual(message?.value, Buffer.from([0, 0xff]))
    assert.equal(message?.key, 'acme/d1')
    assert.equal(message?.headers['dead-letter-reason'], 'why')
    assert.equal(message?.headers['dead-letter-kafka-offset'], '5')
    await withAdmin(brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      assert.equal(topics[0]?.partitions.length, 2)
    })
  })

  it('cuts what the topic does not take, and writes the others whole', async () => {
    const topic = await createTestTopic(brokers, { config: { 'max.message.bytes': '100000' } })
    const huge = noise(1_280_000)
    const batch = ['first', huge, 'last'].map((payload) => ({ payload, userProperties: { site: 'x' } }))
    await targetFor(topic).write(deadLettersOf({ batch: true, payload: batch }))
    const messages = await readTopic(brokers, topic)
    assert.deepEqual(
      messages.map(({ value }) => value?.length),
      [5, 64_000, 4],
    )
    const headers = messages[1]?.headers
    assert.equal(headers?.['dead-letter-payload-length'], String(huge.length))
    const sha256 = createHash('sha256').update(huge).digest('hex')
    assert.equal(headers?.['dead-letter-payload-sha256'], sha256)
    assert.equal(messages[0]?.headers['user-site'], 'x')
  })

  it('does not write again what a repeated write has written before', async () => {
    const topic = await createTestTopic(brokers)
    const target = targetFor(topic)
    const letters = deadLettersOf({ batch: true, payload: [{ payload: 'a' }, { payload: 'b' }] })
    await target.write(letters)
    await target.write(letters)
    await target.write(deadLettersOf({ payload: 'c' }))
    assert.deepEqual(
      (await readTopic(brokers, topic)).map(({ value }) => value?.toString()),
      ['a', 'b', 'c'],
    )
  })

  it('writes the same letters once, and with the same producer, when answers are lost', async () => {
    const topic = await createTestTopic(brokers, { partitions: 2 })
    const { driver } = cluster
    const sent: (readonly KafkaRecord[])[] = []
    let lost = 3
    /** Kafka has the records, and the answer does not arrive. */
    const forgetful = (options: ProducerOptions): KafkaProducer => {
      const producer = driver.producer(options)
      return {
        partitionCount: (name) => producer.partitionCount(name),
        close: () => producer.close(),
        send: async (...batch) => {
          sent.push(batch[2])
          const offset = await producer.send(...batch)
          if (lost-- <= 0) return offset
          throw new PipelineError('KAFKA_NO_ANSWER', 'no answer', { retryable: true })
        },
      }
    }
    const target = new KafkaDeadLetterTarget({ driver: { producer: forgetful } } as unknown as KafkaCluster, {
      topic,
      create: undefined,
    })
    targets.push(target)
    const letters = deadLettersOf({
      batch: true,
      payload: Array.from({ length: 20 }, (_, n) => ({ payload: `${n}`, kafka: { key: `k${n}` } })),
    })
    while (true) {
      try {
        await target.write(letters)
        break
      } catch (error) {
        assert.equal((error as PipelineError).code, 'KAFKA_NO_ANSWER')
      }
    }
    assert.equal(new Set(sent).size, 2, 'batches, one for each partition')
  })

  it('keeps the order of those with the same key', async () => {
    const topic = await createTestTopic(brokers, { partitions: 4 })
    const batch = Array.from({ length: 200 }, (_, n) => ({ payload: `${n}`, kafka: { key: `k${n % 7}` } }))
    await targetFor(topic).write(deadLettersOf({ batch: true, payload: batch }))
    const byKey = new Map<string, number[]>()
    for (const { key, value } of await readTopic(brokers, topic)) {
      const name = key ?? ''
      byKey.set(name, [...(byKey.get(name) ?? []), Number(value)])
    }
    assert.equal(byKey.size, 7)
    for (const numbers of byKey.values())
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
      )
  })

  it('waits for a topic that it may not create', async () => {
    await assert.rejects(targetFor(uniqueName('none')).write(deadLettersOf({ payload: 'x' })), {
      code: 'KAFKA_UNKNOWN_TOPIC',
      retryable: true,
    })
  })
})
