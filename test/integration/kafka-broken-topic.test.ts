/** Tenants have topics of their own: what breaks one of them must not hold up the others. */
import assert from 'node:assert/strict'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { createTestTopic, createTopic, uniqueName } from '../support/kafka'
import { KafkaLoad } from '../support/kafka-load'
import { KafkaWriter } from '../support/kafka-writer'
import { until } from '../support/until'

/** Two partitions with their only replica on the last broker. */
const ON_LAST_BROKER = [
  { partition: 0, replicas: [3] },
  { partition: 1, replicas: [3] },
]
const HALF_ON_LAST_BROKER = [
  { partition: 0, replicas: [3] },
  { partition: 1, replicas: [1] },
]

describe('a Kafka topic without a leader', function () {
  this.timeout(120_000)
  let kafka: KafkaService
  let writer: KafkaWriter

  before(async () => {
    kafka = await startKafka({ brokers: 3 })
  })

  beforeEach(() => {
    writer = new KafkaWriter(kafka.address)
  })

  afterEach(async () => {
    kafka.brokers[2]?.start()
    await kafka.ready()
    await writer.close()
  })

  after(() => kafka.stop())

  const topicOn = async (replicaAssignment: typeof ON_LAST_BROKER): Promise<string> => {
    const topic = uniqueName('one-replica')
    const configEntries = [{ name: 'min.insync.replicas', value: '1' }]
    await createTopic(kafka.address, { topic, replicaAssignment, configEntries })
    return topic
  }

  /** Kills the only broker that has the topic. */
  const breakTopic = async (broken: KafkaLoad): Promise<void> => {
    await broken.progress(100)
    await kafka.brokers[2]?.stop('SIGKILL')
    await until(() => writer.producer.problem?.code === 'KAFKA_NO_LEADER')
  }

  /** Brings it back; everything of all topics is there, once, in order. */
  const mend = async (...loads: KafkaLoad[]): Promise<void> => {
    kafka.brokers[2]?.start()
    await kafka.ready()
    for (const load of loads) await load.finish()
    for (const load of loads) assert.equal(await load.check(kafka.address), 0)
  }

  it('waits, and the topics of others go on, though their leaders have to move', async () => {
    const broken = new KafkaLoad(writer.producer, await topicOn(ON_LAST_BROKER)).start()
    const healthyTopic = await createTestTopic(kafka.address, { partitions: 6, replicas: 3 })
    const healthy = new KafkaLoad(writer.producer, healthyTopic).start()
    await healthy.progress(100)
    await breakTopic(broken)
    await healthy.everyKey(5)
    await mend(healthy, broken)
  })

  it('does not keep a topic from being written to for the first time', async () => {
    const broken = new KafkaLoad(writer.producer, await topicOn(ON_LAST_BROKER)).start()
    const later = await createTestTopic(kafka.address, { partitions: 4, replicas: 3 })
    await breakTopic(broken)
    const healthy = new KafkaLoad(writer.producer, later).start()
    await healthy.everyKey(5)
    await mend(healthy, broken)
  })

  it('does not keep a producer from starting', async () => {
    const broken = new KafkaLoad(writer.producer, await topicOn(ON_LAST_BROKER)).start()
    const topic = await createTestTopic(kafka.address, { partitions: 4, replicas: 3 })
    await breakTopic(broken)
    const second = new KafkaWriter(kafka.address)
    const healthy = new KafkaLoad(second.producer, topic).start()
    await healthy.everyKey(5)
    await healthy.finish()
    await second.close()
    await mend(broken)
    assert.equal(await healthy.check(kafka.address), 0)
  })

  it('takes records for its other partitions, also from a producer that starts meanwhile', async () => {
    const topic = await topicOn(HALF_ON_LAST_BROKER)
    const broken = new KafkaLoad(writer.producer, topic).start()
    await breakTopic(broken)
    await broken.progress(200)
    const second = new KafkaWriter(kafka.address)
    assert.deepEqual(await second.write([{ payload: 'x', kafka: { topic, partition: 1 } }]), ['stored'])
    await second.close()
    kafka.brokers[2]?.start()
    await kafka.ready()
    await broken.finish()
  })
})
