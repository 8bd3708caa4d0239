/** K rows of topics and producers: rights, limits, deletion, growth, sequence numbers and quotas. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
  type AclEntry,
} from 'kafkajs'
import { connectAsync } from 'mqtt'
import type { FlowEntry } from '../../dev/node-red'
import { createTestTopic, createTopic, uniqueName, withAdmin } from '../support/kafka'
import { readTopic, type StoredRecord } from '../support/kafka-log'
import { KafkaWriter } from '../support/kafka-writer'
import { until } from '../support/until'
import { postgresOf, READER, withReader } from './consumer-faults'
import {
  configure,
  ERROR,
  leaders,
  ProduceErrors,
  startAll,
  takenBetween,
  TOPIC_CONFIG,
  THREE_BROKERS,
  untilDrained,
  untilProducerSays,
  WITH_RIGHTS,
} from './kafka-faults'
import { API, KafkaMeddler, spoilProduce } from './kafka-meddler'
import { limitProducer, writeInTheNameOf } from './kafka-requests'
import { faultRow, type Run } from './row'
import { Stage, TOPIC } from './stage'

const TENANT_TOPICS = [1, 2, 3].flatMap((tenant) =>
  [1, 2].map((project) => `tenant-${tenant}.project-${project}`),
)
const FORBIDDEN_TENANT = 'tenant-1.'

describe('faults of Kafka topics and producers', function () {
  this.timeout(120_000)
  let stage: Stage
  const meddler = new KafkaMeddler()
  before(async () => {
    stage = await Stage.start({
      ...THREE_BROKERS,
      meddler,
      kafka: {
        ...WITH_RIGHTS,
        // Asking for a topic in the wrong way creates it; we must not.
        'auto.create.topics.enable': 'true',
      },
    })
  })
  afterEach(async () => {
    meddler.clear()
    await stage.nodeRed.deploy(stage.flow, 'nodes')
  })
  after(() => stage?.stop())

  const address = (): string => stage.kafka.address
  const config = TOPIC_CONFIG

  faultRow(
    {
      id: 'K11',
      title: 'batches and one record are too large: only that record becomes a dead letter',
    },
    () => stage,
    async ({ publisher }) => {
      await configure(stage, { 'max.message.bytes': '3000' })
      // While an answer is on its way, records gather to batches that are too large.
      for (const proxy of stage.kafkaProxies) proxy.set({ latencyMs: 100 })
      const tooLarge = randomBytes(10_000)
      const device = await connectAsync(stage.mqtt.address)
      await device.publishAsync('mtic/msg/client/realtime/tenant-1/project-1/large', tooLarge, { qos: 1 })
      await device.endAsync()
      await publisher.untilMore(500)
      await until('the large record is a dead letter', async () =>
        (await stage.deadLetters()).some(({ value }) => value.equals(tooLarge)),
      )
      for (const proxy of stage.kafkaProxies) proxy.set({})
      await configure(stage, {})
      assert.equal((await stage.deadLetters()).length, 1, 'dead letters')
    },
  )

  /** Takes the topic away, with all that is in it, and lets the devices continue until the producer has noticed. */
  async function deleteTopic(run: Run): Promise<void> {
    run.publisher.setRate(0)
    await untilDrained(run)
    run.deleted.push(...(await stage.records()))
    await withAdmin(address(), (admin) => admin.deleteTopics({ topics: [TOPIC] }))
    run.publisher.setRate(500)
    await untilProducerSays(stage, /no such topic/)
  }

  faultRow(
    {
      id: 'K12',
      title: 'the topic is deleted, not recreated by us, and written to once an operator has recreated it',
    },
    () => stage,
    async (run) => {
      await deleteTopic(run)
      await run.publisher.untilMore(1000)
      const topics = await withAdmin(address(), (admin) => admin.listTopics())
      assert.ok(!topics.includes(TOPIC), 'the topic was made by itself')
      await createTestTopic(address(), { name: TOPIC, partitions: 6, replicas: 3, config })
    },
  )

  faultRow(
    {
      id: 'K13',
      title: 'the topic gets more partitions: nothing is lost, devices may change theirs',
      unordered: true,
    },
    () => stage,
    morePartitions,
  )

  faultRow(
    {
      id: 'K27',
      title:
        'a topic is recreated with fewer partitions: what waited for the others is written to those that exist',
      unordered: true,
    },
    () => stage,
    async (run) => {
      await morePartitions()
      await deleteTopic(run)
      await run.publisher.untilMore(900)
      await createTestTopic(address(), { name: TOPIC, partitions: 6, replicas: 3, config })
    },
  )

  faultRow(
    {
      id: 'K15',
      title: 'the broker no longer knows our sequence numbers, or our epoch',
    },
    () => stage,
    async (run) => {
      // More records than a batch has, so that it cannot look like one of ours.
      const values = Array.from({ length: 1500 }, (_, at) => `{ "id":"another client-${at}" }`)
      for (const newEpoch of [0, 1]) {
        const errors = new ProduceErrors(meddler)
        run.publisher.setRate(0)
        await untilDrained(run)
        const from = Date.now()
        const stored = await readTopic(address(), TOPIC)
        const known = new Set(stored.map(({ producer }) => producer.id))
        const byPartition = new Map(stored.map((each) => [each.partition, each]))
        for (const [partition, leader] of await leaders(stage)) {
          const last = byPartition.get(partition)
          if (last === undefined) continue
          const error = await writeInTheNameOf(
            impostor(last, newEpoch),
            stage.kafka.brokers[leader - 1]?.address ?? '',
            TOPIC,
            partition,
            values,
          )
          assert.equal(error, 0, 'the broker takes the records of the impostor')
        }
        run.publisher.setRate(500)
        await untilNewProducer(known, from)
        const expected = newEpoch === 0 ? ERROR.outOfOrderSequence : ERROR.invalidProducerEpoch
        assert.ok(errors.of(expected) > 0, `Kafka's errors: ${String(errors)}`)
        errors.end()
      }
      // Nothing that we can do to this broker makes it answer UNKNOWN_PRODUCER_ID: older ones do when retention has
      // taken a producer's records. PRODUCER_FENCED (90) answers requests of transactions, not these.
      const from = Date.now()
      const known = new Set((await readTopic(address(), TOPIC)).map(({ producer }) => producer.id))
      await forgetProducer()
      await untilNewProducer(known, from)
    },
  )

  faultRow(
    { id: 'K21', title: 'a quota throttles the producer for 20 s: no request times out', qos: 1 },
    () => stage,
    async (run) => {
      const cluster = stage.flow.find(({ type }) => type === 'tenant-kafka-cluster')
      const clientId = String(cluster?.['clientId'])
      const from = Date.now()
      await limitProducer(address(), clientId, 2000)
      const said = new Set<string>()
      while (Date.now() < from + 20_000) {
        said.add(stage.statusOf('tenant-kafka-producer')?.text ?? '')
        await sleep(100)
      }
      const to = Date.now()
      await limitProducer(address(), clientId, undefined)
      const problems = [...said].filter((text) => text.startsWith('Kafka:'))
      assert.deepEqual(problems, [], 'problems while throttled')
      const taken = await takenBetween(run, from, to)
      assert.ok(taken < 6000, `${taken} records in 20 s: the quota had no effect`)
      await startAll(stage)
    },
  )

  faultRow(
    {
      id: 'K9',
      title:
        'the topics of one tenant are forbidden: it waits, the others continue, and it resumes when allowed',
    },
    () => stage,
    async (run) => {
      for (const name of TENANT_TOPICS)
        await createTestTopic(address(), { name, partitions: 2, replicas: 3, config })
      await stage.nodeRed.deploy(withTopicPerProject(stage.flow), 'nodes')
      for (const name of TENANT_TOPICS) stage.topics.add(name)
      await until('every tenant is written to', async () => {
        const records = await Promise.all(TENANT_TOPICS.map((topic) => stage.records(topic)))
        return records.every(({ length }) => length > 0)
      })
      const forbidden = TENANT_TOPICS.filter((name) => name.startsWith(FORBIDDEN_TENANT))
      await withAdmin(address(), (admin) => admin.createAcls({ acl: forbidden.map(deny) }))
      const from = Date.now()
      await untilProducerSays(stage, /not allowed/)
      await sleep(5000)
      const to = Date.now()
      await withAdmin(address(), (admin) => admin.deleteAcls({ filters: forbidden.map(deny) }))
      const allowed = TENANT_TOPICS.filter((name) => !forbidden.includes(name))
      const taken = await Promise.all(allowed.map((topic) => takenBetween(run, from, to, { topic })))
      for (const count of taken) assert.ok(count >= 100, `the others moved by ${taken.join(', ')} records`)
    },
  )

  /** Twelve instead of six, all written to, also when no row before has seen to that. */
  async function morePartitions(): Promise<void> {
    await withAdmin(address(), async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] })
      const topicPartitions = [{ topic: TOPIC, count: 12 }]
      if (topics[0]?.partitions.length !== 12) await admin.createPartitions({ topicPartitions })
    })
    // A producer that runs learns of it within five minutes, a new one at once.
    await stage.nodeRed.deploy(stage.flow, 'full')
    await until('the new partitions are written to', async () =>
      (await stage.records()).some(({ partition }) => partition >= 6),
    )
  }

  function untilNewProducer(known: ReadonlySet<string>, from: number): Promise<void> {
    return until('a new producer takes the place of the old one', async () =>
      (await readTopic(address(), TOPIC)).some(
        ({ producer, timestamp }) => timestamp > from && !known.has(producer.id),
      ),
    )
  }

  /**
   * Records of our producer are not appended, and answered with UNKNOWN_PRODUCER_ID, until it asks for a new id: a request
   * that was refused is repeated first, each partition by itself.
   */
  async function forgetProducer(): Promise<void> {
    const errors = new ProduceErrors(meddler)
    errors.instead.set(ERROR.invalidRequiredAcks, ERROR.unknownProducerId)
    let isAskedForId = false
    meddler.onRequest = ({ api }, request) => {
      if (api === API.initProducerId) isAskedForId = true
      else if (api === API.produce && !isAskedForId) spoilProduce(request)
      return undefined
    }
    await until('the producer asks for a new id', () => isAskedForId)
    assert.ok(errors.of(ERROR.unknownProducerId) > 0, `Kafka's errors: ${String(errors)}`)
    errors.end()
  }
})

describe('faults of Kafka topics that are read', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ ...THREE_BROKERS, secondLeg: true })
  })
  after(() => stage?.stop())

  faultRow(
    {
      id: 'K26',
      title:
        'a partition of a topic loses its leader: all others are read, also after a deploy, and it follows once it has one',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const { address, brokers } = stage.kafka
      const half = uniqueName('half')
      await createTopic(address, {
        topic: half,
        replicaAssignment: [3, 1].map((broker, partition) => ({ partition, replicas: [broker] })),
        configEntries: [{ name: 'min.insync.replicas', value: '1' }],
      })
      const copy = await createTestTopic(address, { replicas: 3 })
      const flow = withReader(stage.flow, { topics: `/^${half}$/`, group: uniqueName('group') }, copy)
      const writer = new KafkaWriter(address)
      const write = async (value: string, partition: number): Promise<void> => {
        assert.deepEqual(await writer.write([{ payload: value, kafka: { topic: half, partition } }]), [
          'stored',
        ])
      }
      const untilRead = (values: readonly string[]): Promise<void> =>
        until(`${values.join()} are read`, async () => {
          const copied = (await readTopic(address, copy)).map(({ value }) => String(value))
          return values.every((value) => copied.includes(value))
        })
      const untilReaderSays = (what: RegExp): Promise<void> =>
        until(
          () =>
            `the reader says ${what} (${stage.nodeRed.statuses.get(READER)?.text})\n${stage.nodeRed.logTail()}`,
          () => what.test(stage.nodeRed.statuses.get(READER)?.text ?? ''),
        )
      try {
        await stage.nodeRed.deploy(flow, 'nodes')
        for (const partition of [0, 1]) await write(`before ${partition}`, partition)
        await untilRead(['before 0', 'before 1'])
        await brokers[2]?.stop('SIGKILL')
        await untilReaderSays(new RegExp(`no leader for ${half}/0`))
        await write('while it runs', 1)
        await untilRead(['while it runs'])
        await postgresOf(stage).untilMoreRows(500)
        await stage.nodeRed.deploy(flow, 'full')
        await untilReaderSays(new RegExp(`no leader for ${half}/0`))
        await write('after a deploy', 1)
        await untilRead(['after a deploy'])
        await postgresOf(stage).untilMoreRows(500)
      } finally {
        await startAll(stage)
      }
      await write('with its leader', 0)
      await untilRead(['with its leader'])
      await untilReaderSays(/lag 0$/)
      await writer.close()
      await stage.nodeRed.deploy(stage.flow, 'nodes')
    },
  )
})

/** Forbids everything about a topic to everybody, the test's own clients as well. */
function deny(resourceName: string): AclEntry {
  return {
    resourceType: AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:ANONYMOUS',
    host: '*',
    operation: AclOperationTypes.ALL,
    permissionType: AclPermissionTypes.DENY,
  }
}

/** Writing as this client makes the next batch of our producer come in the wrong place. */
function impostor(
  { producer }: StoredRecord,
  newEpoch: number,
): { producerId: string; producerEpoch: number; sequence: number } {
  return {
    producerId: producer.id,
    producerEpoch: producer.epoch + newEpoch,
    sequence: newEpoch === 0 ? producer.nextSequence : 0,
  }
}

/** The flow of example 02: each project has a topic of its own. */
function withTopicPerProject(flow: readonly FlowEntry[]): FlowEntry[] {
  return flow.map((entry) =>
    entry.type === 'tenant-topic'
      ? { ...entry, strategy: 'template', topicTemplate: '{tenant}.{project}' }
      : entry,
  )
}
