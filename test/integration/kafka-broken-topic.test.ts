/** Tenants have topics of their own: what breaks one of them must not hold up the others. */
import assert from 'node:assert/strict'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { createTestTopic, createTopic, uniqueName } from '../support/kafka'
import { KafkaLoad } from '../support/kafka-load'
import { KafkaWriter } from '../support/kafka-writer'
import { until } from '../support/until'

const KEYS = 10

describe('a Kafka topic whose leader has died', function () {
  this.timeout(120_000)
  let kafka: KafkaService
  let writer: KafkaWriter
  let broken: KafkaLoad
  let healthy: KafkaLoad
  let half: string
  /** Made before the fault: kafkajs cannot make topics meanwhile. */
  let later: string[]

  before(async () => {
    kafka = await startKafka({ brokers: 3 })
    writer = new KafkaWriter(kafka.address)
    broken = new KafkaLoad(writer.producer, await topicOn(3), KEYS).start()
    half = await topicOn(1, 3)
    later = [
      await createTestTopic(kafka.address, { replicas: 3 }),
      await createTestTopic(kafka.address, { replicas: 3 }),
    ]
    const replicated = await createTestTopic(kafka.address, { partitions: 6, replicas: 3 })
    healthy = new KafkaLoad(writer.producer, replicated, KEYS).start()
    await broken.everyKey(1)
    await healthy.everyKey(1)
    await kafka.brokers[2]?.stop('SIGKILL')
    await until(() => writer.producer.problem?.code === 'KAFKA_NO_LEADER')
  })

  after(async () => {
    await writer.close()
    await kafka.stop()
  })

  /** Its partitions have their only replica on these brokers. */
  const topicOn = async (...brokers: number[]): Promise<string> => {
    const topic = uniqueName('one-replica')
    const replicaAssignment = brokers.map((broker, partition) => ({ partition, replicas: [broker] }))
    const configEntries = [{ name: 'min.insync.replicas', value: '1' }]
    await createTopic(kafka.address, { topic, replicaAssignment, configEntries })
    return topic
  }

  const writeAnew = async (topic: string, partition: number): Promise<string[]> => {
    const another = new KafkaWriter(kafka.address)
    try {
      return await another.write([{ payload: 'x', kafka: { topic, partition } }])
    } finally {
      await another.close()
    }
  }

  it('waits, and topics of others whose leader has to move go on', () => healthy.everyKey(20))

  it('does not keep a topic from being written to for the first time', async () => {
    const kafka = { topic: later[0] ?? '' }
    assert.deepEqual(await writer.write([{ payload: 'x', kafka }]), ['stored'])
  })

  it('does not keep a producer from starting', async () => {
    assert.deepEqual(await writeAnew(later[1] ?? '', 0), ['stored'])
  })

  it('takes records for its other partitions', async () => {
    assert.deepEqual(await writer.write([{ payload: 'x', kafka: { topic: half, partition: 0 } }]), ['stored'])
    assert.deepEqual(await writeAnew(half, 0), ['stored'])
  })

  it('is written to when its leader is back; nothing is missing, repeated or in disorder', async () => {
    kafka.brokers[2]?.start()
    await kafka.ready()
    for (const load of [broken, healthy]) {
      await load.finish()
      assert.equal(await load.check(kafka.address), 0)
    }
    assert.equal(writer.producer.problem, undefined)
  })
})

describe('a Kafka broker that freezes', function () {
  this.timeout(120_000)
  let kafka: KafkaService
  let writer: KafkaWriter

  before(async () => {
    kafka = await startKafka({ brokers: 3 })
    writer = new KafkaWriter(kafka.address)
  })

  after(async () => {
    await writer.close()
    await kafka.stop()
  })

  it('hands its partitions over: all of them go on, new topics and new producers too', async () => {
    const topics = [0, 1, 2].map(() => createTestTopic(kafka.address, { partitions: 6, replicas: 3 }))
    const [used = '', later = '', other = ''] = await Promise.all(topics)
    const load = new KafkaLoad(writer.producer, used, KEYS).start()
    await load.everyKey(20)
    kafka.brokers[0]?.freeze()
    await until(() => writer.producer.problem?.code === 'KAFKA_NO_ANSWER')
    await load.everyKey(20)
    assert.deepEqual(await writer.write([{ payload: 'x', kafka: { topic: later } }]), ['stored'])
    const another = new KafkaWriter(kafka.address)
    assert.deepEqual(await another.write([{ payload: 'x', kafka: { topic: other } }]), ['stored'])
    await another.close()
    kafka.brokers[0]?.thaw()
    await load.finish()
    // The one that was frozen takes itself for the leader for a moment, and answers with the end that it knows.
    assert.equal(await load.check(kafka.brokers[1]?.address ?? ''), 0)
  })
})
