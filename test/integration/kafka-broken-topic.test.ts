/** Tenants have topics of their own: what breaks one of them must not hold up the others. */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { createKafkaJsClient, type KafkaJsClient } from '../../src/kafka/drivers/kafkajs/client'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { tolerateBrokenTopics } from '../../src/kafka/drivers/kafkajs/patches/metadata'
import type { WantedTopic } from '../../src/kafka/topic-selection'
import { compileLinear } from '../../src/config/linear-pattern'
import { createTestTopic, createTopic, uniqueName } from '../support/kafka'
import { RecordingConsumer } from '../support/kafka-consumers'
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
  /** Reads all of these topics, from before the fault on. */
  let reader: RecordingConsumer
  let topics: WantedTopic

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
    topics = compileLinear(`^(${[broken.topic, healthy.topic, half].join('|')})$`)
    reader = read()
    await until('the reader reads', () => has(reader, broken.topic) && has(reader, healthy.topic))
    await kafka.brokers[2]?.stop('SIGKILL')
    await until(() => writer.producer.problem?.code === 'KAFKA_NO_LEADER')
  })

  after(async () => {
    await reader.close()
    await writer.close()
    await kafka.stop()
  })

  const read = (): RecordingConsumer => {
    const brokers = { brokers: kafka.address.split(','), tls: undefined, sasl: undefined }
    const limits = { clientId: 'broken-topic', connectionTimeoutMs: 2_000, requestTimeoutMs: 10_000 }
    const driver = new KafkaJsDriver({ ...brokers, ...limits }, () => undefined, 1_000)
    return new RecordingConsumer(driver, { groupId: uniqueName('group'), topics: [topics] })
  }

  const has = ({ batches }: RecordingConsumer, topic: string, from = 0): boolean =>
    batches.slice(from).some((batch) => batch.topic === topic)

  const saysWhatIsBroken = ({ impairments }: RecordingConsumer): boolean => {
    const said = impairments.at(-1)
    const names = [`${broken.topic} partition 0`, `${half} partition 1`]
    return said?.code === 'KAFKA_NO_LEADER' && names.every((name) => said.message.includes(name))
  }

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

  it('waits, and topics of others whose leader has to move continue', () => healthy.everyKey(20))

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

  it('does not stop a consumer that reads other topics too, and is named', async () => {
    await until('the reader says so', () => saysWhatIsBroken(reader))
    const before = reader.batches.length
    await healthy.everyKey(20)
    await until('it continues with the others', () => has(reader, healthy.topic, before) && has(reader, half))
  })

  it('does not keep a consumer from starting, nor from the other partitions of its topic', async () => {
    const another = read()
    await until('it reads what is sound', () => has(another, healthy.topic) && has(another, half))
    await until('it says what is broken', () => saysWhatIsBroken(another))
    assert.equal(another.states.at(-1), undefined)
    await another.close()
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

  it('is read from again by itself', async () => {
    const readOf = (load: KafkaLoad): number => {
      const batches = reader.batches.filter(({ topic }) => topic === load.topic)
      return new Set(batches.flatMap((it) => it.records.map(({ offset }) => `${it.partition}:${offset}`)))
        .size
    }
    await until('everything is read', () => [broken, healthy].every((load) => readOf(load) >= load.total))
    await until('nothing is broken', () => reader.impairments.at(-1) === undefined)
  })
})

interface KafkaJsMetadata {
  readonly brokers: readonly unknown[]
}

interface KafkaJsBroker {
  readonly nodeId: number
  readonly connectionPool: { readonly host: string; readonly port: number }
  metadata(topics: readonly string[]): Promise<KafkaJsMetadata>
}

interface KafkaJsCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  readonly brokerPool: {
    readonly brokers: Readonly<Record<string, KafkaJsBroker>>
    refreshMetadata(topics: readonly string[]): Promise<void>
    findBroker(node: { readonly nodeId: number }): Promise<KafkaJsBroker>
    findConnectedBroker(): Promise<KafkaJsBroker>
  }
}

/** What kafkajs makes for each producer and admin, and does not hand out. */
function clusterOf(client: Kafka): KafkaJsCluster {
  const name = Object.getOwnPropertySymbols(client).find(
    (it) => it.description === 'private:Kafka:createCluster',
  )
  const make = (client as unknown as Record<symbol, (options: object) => KafkaJsCluster>)[name as symbol]
  if (make === undefined) throw new Error('kafkajs makes its clusters in another way')
  return make({ metadataMaxAge: 300_000 })
}

describe('a Kafka broker that freezes', function () {
  this.timeout(120_000)
  let kafka: KafkaService
  let writer: KafkaWriter

  before(async () => {
    // By default a broker that has asked a frozen controller for something waits half a minute for the answer.
    kafka = await startKafka({ brokers: 3, properties: { 'controller.socket.timeout.ms': '2000' } })
    writer = new KafkaWriter(kafka.address)
  })

  after(async () => {
    await writer.close()
    await kafka.stop()
  })

  const newClient = (): KafkaJsClient => {
    const connection = {
      brokers: kafka.address.split(','),
      clientId: 'broken-topic',
      tls: undefined,
      sasl: undefined,
    }
    return createKafkaJsClient(
      { ...connection, connectionTimeoutMs: 10_000, requestTimeoutMs: 30_000 },
      () => undefined,
    )
  }

  it('is not asked again and again by a client that is still connected to it', async () => {
    const client = newClient()
    tolerateBrokenTopics({ ...client, isAnswering: () => false })
    const cluster = clusterOf(client.kafka)
    await cluster.connect()
    await cluster.brokerPool.refreshMetadata([])
    const asked = new Set<number>()
    for (let i = 0; i < 3; i++) asked.add((await cluster.brokerPool.findConnectedBroker()).nodeId)
    await cluster.disconnect()
    assert.deepEqual([...asked].sort(), [1, 2, 3])
  })

  it('is left at once when the others do not name it any more, whatever answer it owes', async () => {
    const client = newClient()
    tolerateBrokenTopics(client)
    const cluster = clusterOf(client.kafka)
    await cluster.connect()
    await cluster.brokerPool.refreshMetadata([])
    const [frozen = ''] = kafka.address.split(',')
    const ask = async (nodeId: number): Promise<KafkaJsMetadata> =>
      (await cluster.brokerPool.findBroker({ nodeId })).metadata([])
    await Promise.all([1, 2, 3].map(ask))
    await kafka.brokers[0]?.freeze()
    client.cut(frozen)
    await until('the cut is noticed', () => !client.isAnswering(frozen))
    await setImmediate()
    const owed = assert.rejects(ask(1), /was cut/)
    for (const nodeId of [2, 3]) {
      const namesNoMore = async (): Promise<boolean> => (await ask(nodeId)).brokers.length === 2
      await until(`broker ${nodeId} names the frozen one no more`, namesNoMore)
    }
    await cluster.brokerPool.refreshMetadata([])
    await owed
    await cluster.disconnect()
    kafka.brokers[0]?.thaw()
    await kafka.ready()
  })

  it('is not asked again and again when it is all that the client knows: the others were down the last time', async () => {
    const client = newClient()
    tolerateBrokenTopics(client)
    const cluster = clusterOf(client.kafka)
    await cluster.connect()
    await kafka.brokers[1]?.stop('SIGKILL')
    const knows = async (count: number): Promise<boolean> => {
      await cluster.brokerPool.refreshMetadata([])
      return Object.keys(cluster.brokerPool.brokers).length === count
    }
    await until('the dead broker is named no more', () => knows(2))
    kafka.brokers[1]?.start()
    await kafka.ready()
    const [first = '', second = '', third = ''] = kafka.address.split(',')
    for (const at of [0, 2]) await kafka.brokers[at]?.freeze()
    for (const address of [first, third]) client.avoid(address)
    await until('the cut is noticed', () => ![first, third].some(client.isAnswering))
    const asked = await Promise.all([1, 2, 3].map(() => cluster.brokerPool.findConnectedBroker()))
    for (const { connectionPool } of asked) {
      assert.equal(`${connectionPool.host}:${connectionPool.port}`, second)
    }
    assert.ok(((await asked[0]?.metadata([]))?.brokers.length ?? 0) > 0)
    for (const at of [0, 2]) kafka.brokers[at]?.thaw()
    await kafka.ready()
    const back = await cluster.brokerPool.findBroker({ nodeId: 1 })
    await back.metadata([])
    assert.deepEqual([first, third].map(client.isSilent), [false, true])
    await cluster.disconnect()
  })

  it('hands its partitions over: all of them continue, new topics and new producers too', async () => {
    const topics = [0, 1, 2].map(() => createTestTopic(kafka.address, { partitions: 6, replicas: 3 }))
    const [used = '', later = '', other = ''] = await Promise.all(topics)
    const load = new KafkaLoad(writer.producer, used, KEYS).start()
    await load.everyKey(20)
    await kafka.brokers[0]?.freeze()
    // Its own silence, or that of a follower which another leader waits for: whichever is noticed first.
    await until(() => ['KAFKA_NO_ANSWER', 'KAFKA_TIMED_OUT'].includes(writer.producer.problem?.code ?? ''))
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
