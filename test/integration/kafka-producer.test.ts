import assert from 'node:assert/strict'
import { ConfigResourceTypes } from 'kafkajs'
import { freePort } from '../../dev/services/free-port'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { partitionOfKey } from '../../src/kafka/produce/murmur2'
import type { PipelineError } from '../../src/wire/errors'
import type { WireRecord } from '../../src/wire/message'
import { createTestTopic, sharedKafka, uniqueName, untilInSync, withAdmin } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { KafkaLoad } from '../support/kafka-load'
import { until } from '../support/until'
import { KafkaWriter as Writer } from '../support/kafka-writer'
import { FaultProxy } from '../faults/fault-proxy'
import { ERROR, ProduceErrors } from '../faults/kafka-faults'
import { API, KafkaMeddler, spoilProduce } from '../faults/kafka-meddler'

const record = (topic: string, value: string | Buffer, key?: string): WireRecord => ({
  payload: Buffer.from(value),
  kafka: key === undefined ? { topic } : { topic, key },
})

async function setTopic(brokers: string, topic: string, name: string, value: string): Promise<void> {
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }
  await withAdmin(brokers, (admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
}

describe('the Kafka producer', () => {
  let brokers: string
  let writer: Writer

  before(async () => {
    brokers = (await sharedKafka()).address
  })

  afterEach(() => writer.close())

  it('writes the bytes, the headers and the time, to the partition of the key', async () => {
    const topic = await createTestTopic(brokers, { partitions: 6, config: { 'retention.ms': '-1' } })
    writer = new Writer(brokers)
    const payload = Buffer.from([0, 255, 1, 254])
    const levels = { tenant: 'acme', project: 'p1', device: 'd1' }
    const wire = {
      payload,
      ...levels,
      levels,
      topic: 'a/b/c',
      messageId: 'm1',
      receivedAt: 1_700_000_000_000,
    }
    const outcome = await writer.write([{ ...wire, kafka: { topic, key: 'acme/p1/d1' } }])
    assert.deepEqual(outcome, ['stored'])
    const [stored] = await readTopic(brokers, topic)
    assert.deepEqual(stored?.value, payload)
    assert.equal(stored?.partition, partitionOfKey('acme/p1/d1', 6))
    assert.equal(stored?.timestamp, 1_700_000_000_000)
    assert.deepEqual(stored?.headers, {
      tenant: 'acme',
      project: 'p1',
      device: 'd1',
      'mqtt-topic': 'a/b/c',
      'message-id': 'm1',
      'received-at': '1700000000000',
    })
  })

  for (const compression of ['none', 'gzip', 'snappy'] as const) {
    it(`keeps the order of each key, in many batches (${compression})`, async () => {
      const topic = await createTestTopic(brokers, { partitions: 6 })
      writer = new Writer(brokers, { compression, limits: { maxRecords: 50, maxBytes: 10_000, lingerMs: 1 } })
      const load = new KafkaLoad(writer.producer, topic)
      load.write(200)
      await load.finish()
      assert.equal(await load.check(brokers), 0)
    })
  }

  it('spreads records without a key, batch by batch', async () => {
    const topic = await createTestTopic(brokers, { partitions: 3 })
    writer = new Writer(brokers)
    await writer.write(Array.from({ length: 60 }, () => record(topic, 'x'.repeat(10_000))))
    const partitions = (await readTopic(brokers, topic)).map(({ partition }) => partition)
    assert.deepEqual([...new Set(partitions)].sort(), [0, 1, 2])
  })

  it('gives back a record that is too large, and stores the others in order', async () => {
    const topic = await createTestTopic(brokers)
    writer = new Writer(brokers, {
      compression: 'none',
      limits: { maxRecords: 500, maxBytes: 5_000_000, lingerMs: 5 },
    })
    const values = Array.from({ length: 40 }, (_, at) => (at === 17 ? 'x'.repeat(2_000_000) : String(at)))
    const outcome = await writer.write(values.map((value) => record(topic, value, 'k')))
    assert.deepEqual(
      outcome.filter((each) => each !== 'stored'),
      ['KAFKA_RECORD_TOO_LARGE'],
    )
    assert.equal(outcome[17], 'KAFKA_RECORD_TOO_LARGE')
    const stored = (await readTopic(brokers, topic)).map(({ value }) => value?.toString())
    assert.deepEqual(
      stored,
      values.filter((_, at) => at !== 17),
    )
  })

  it('gives back for good what is refused for a time that the flow has chosen, and stores the others', async () => {
    const topic = await createTestTopic(brokers, { config: { 'message.timestamp.before.max.ms': '60000' } })
    writer = new Writer(brokers)
    const records = Array.from({ length: 20 }, (_, at) => record(topic, String(at), 'k'))
    records[7] = { payload: '7', kafka: { topic, key: 'k', timestamp: 1 } }
    const outcome = await writer.write(records)
    assert.deepEqual(
      outcome,
      records.map((_, at) => (at === 7 ? 'KAFKA_INVALID_TIME' : 'stored')),
    )
  })

  it('asks for records again that are refused for the time of this machine: a wrong clock spoils none', async () => {
    const topic = await createTestTopic(brokers, { config: { 'message.timestamp.before.max.ms': '60000' } })
    writer = new Writer(brokers)
    const errors = new Set<string>()
    const late = { payload: 'x', receivedAt: Date.now() - 600_000, kafka: { topic } }
    await new Promise<void>((resolve) => {
      const failed = ({ code, retryable }: PipelineError): void => {
        errors.add(`${code} ${retryable}`)
        resolve()
      }
      writer.producer.write(late, { stored: resolve, failed })
    })
    assert.deepEqual([...errors], ['KAFKA_CLOCK true'])
    // The clock was ahead, and is right again.
    const early = { payload: 'x', receivedAt: Date.now() + 600_000, kafka: { topic } }
    assert.deepEqual(await writer.write([early]), ['stored'])
    const [stored] = await readTopic(brokers, topic)
    assert.ok((stored?.timestamp ?? Infinity) <= Date.now())
  })

  it('holds 128 MB at most for a flow whose source does not wait, and says so', async () => {
    writer = new Writer(`127.0.0.1:${await freePort()}`)
    const payload = Buffer.alloc(1_000_000)
    const outcome = writer.write(Array.from({ length: 200 }, () => ({ payload, kafka: { topic: 't' } })))
    await writer.producer.close(0)
    const count = (code: string, all: readonly string[]): number => all.filter((each) => each === code).length
    assert.deepEqual(
      [count('KAFKA_BUFFER_FULL', await outcome), count('KAFKA_CLOSED', await outcome)],
      [66, 134],
    )
  })

  it('holds more than that for a source that waits, so that nothing comes after newer records of its device', async () => {
    writer = new Writer(`127.0.0.1:${await freePort()}`)
    const payload = Buffer.alloc(1_000_000)
    const failed: string[] = []
    const completion = { stored: () => assert.fail(), failed: ({ code }: PipelineError) => failed.push(code) }
    for (let n = 0; n < 200; n++) writer.producer.write({ payload, kafka: { topic: 't' } }, completion, true)
    await until('it has tried', () => writer.producer.problem !== undefined)
    assert.deepEqual([writer.producer.heldRecords, failed], [200, []])
  })

  /** Of 500 records of ten devices, more than the producer holds, whose source sends again what is refused. */
  const disorderedAfterOutage = async (isAwaited: boolean): Promise<number> => {
    const topic = uniqueName('late')
    writer = new Writer(brokers, { maxHeldBytes: 2_000 })
    const { producer } = writer
    let stored = 0
    const writeOne = (device: number, number: number): void => {
      const kafka = { topic, key: `device-${device}` }
      const onStored = (): void => {
        if (stored++ === 0) writeRounds(40, 50)
      }
      const failed = (): void => void setTimeout(() => writeOne(device, number), 50)
      producer.write({ payload: String(number), kafka }, { stored: onStored, failed }, isAwaited)
    }
    const writeRounds = (from: number, to: number): void => {
      for (let number = from; number < to; number++)
        for (let device = 0; device < 10; device++) writeOne(device, number)
    }
    writeRounds(0, 40)
    await until('it waits', () => producer.problem?.code === 'KAFKA_UNKNOWN_TOPIC')
    await createTestTopic(brokers, { name: topic, partitions: 3 })
    await until('all is stored', () => stored === 500)
    const newest = new Map<string, number>()
    return (await readTopic(brokers, topic)).filter(({ key, value }) => {
      const [device, number] = [String(key), Number(String(value))]
      const isDisordered = number < (newest.get(device) ?? 0)
      newest.set(device, Math.max(number, newest.get(device) ?? 0))
      return isDisordered
    }).length
  }

  it('keeps each device in order through an outage in which a source that waits hands over more than it holds', async () => {
    assert.equal(await disorderedAfterOutage(true), 0)
    await writer.close()
    // The count sees what it is for: refused and sent again, older records come after newer ones.
    assert.ok((await disorderedAfterOutage(false)) > 0)
  })

  it('gives back at once what no request to Kafka can hold, and stores the others', async () => {
    const topic = await createTestTopic(brokers)
    writer = new Writer(brokers)
    const values = [Buffer.from('1'), Buffer.alloc(110_000_000), Buffer.from('2'), Buffer.alloc(140_000_000)]
    const outcome = await writer.write(values.map((value) => record(topic, value, 'k')))
    const refused = 'KAFKA_RECORD_TOO_LARGE'
    assert.deepEqual(outcome, ['stored', refused, 'stored', refused])
  })

  it('makes its batches fit a topic that takes only small ones', async () => {
    const topic = await createTestTopic(brokers, { config: { 'max.message.bytes': '3000' } })
    writer = new Writer(brokers, { compression: 'none' })
    const load = new KafkaLoad(writer.producer, topic, 5)
    load.write(100)
    await load.finish()
    assert.equal(await load.check(brokers), 0)
    assert.match(writer.warnings.join(), /at most 3,000 bytes \(max\.message\.bytes\)/)
  })

  it('waits for a topic that is missing, says so, and writes once it is created', async () => {
    const topic = uniqueName('late')
    writer = new Writer(brokers)
    const outcome = writer.write([record(topic, '1', 'k'), record(topic, '2', 'k')])
    await until(() => writer.producer.problem?.code === 'KAFKA_UNKNOWN_TOPIC')
    assert.equal(writer.producer.heldRecords, 2)
    assert.equal(writer.producer.problem?.statusText, 'Kafka: no such topic')
    await createTestTopic(brokers, { name: topic })
    assert.deepEqual(await outcome, ['stored', 'stored'])
    assert.equal(writer.producer.problem, undefined)
  })

  it('creates a missing topic when asked to, and warns of its single replica', async () => {
    const topic = uniqueName('created')
    writer = new Writer(brokers, { missingTopic: 'create' })
    assert.deepEqual(await writer.write([record(topic, '1')]), ['stored'])
    const description = await writer.cluster.admin.describeTopic(topic)
    assert.deepEqual(description, {
      topic,
      partitions: 3,
      replicas: 1,
      minInSyncReplicas: 1,
      retentionMs: 259_200_000,
      cleanupPolicy: 'delete',
      hasAppendTime: true,
      maxMessageBytes: 1_048_588,
    })
    await until(() => writer.warnings.length > 0)
    assert.match(writer.warnings[0] ?? '', /one replica/)
  })

  it('warns of a compacted topic, and of one that replaces the time that a flow has set', async () => {
    const config = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' }
    const topic = await createTestTopic(brokers, { config })
    writer = new Writer(brokers)
    await writer.write([record(topic, '1', 'k')])
    await until(() => writer.warnings.length === 2)
    assert.match(writer.warnings[0] ?? '', /is compacted \(cleanup\.policy=compact\)/)
    for (let time = 1; time <= 2; time++) {
      await writer.write([{ payload: Buffer.from('2'), kafka: { topic, key: 'k', timestamp: time } }])
    }
    assert.equal(writer.warnings.filter((text) => text.includes('LogAppendTime')).length, 1)
  })

  it('gives back records for a missing or impossible topic when asked to', async () => {
    writer = new Writer(brokers, { missingTopic: 'reject' })
    const good = await createTestTopic(brokers)
    const outcome = await writer.write([
      record(uniqueName('missing'), '1'),
      record('not a topic', '2'),
      record(good, '3'),
      { payload: '4' },
      { payload: '5', kafka: { topic: good, partition: 1 } },
    ])
    assert.deepEqual(outcome, [
      'KAFKA_UNKNOWN_TOPIC',
      'KAFKA_INVALID_TOPIC',
      'stored',
      'KAFKA_NO_TOPIC',
      'KAFKA_INVALID_PARTITION',
    ])
  })

  it('creates no more topics than it may, whatever devices are called, and the other tenants continue', async () => {
    writer = new Writer(brokers, { missingTopic: 'create', maxNewTopics: 6 })
    const prefix = uniqueName('flood')
    const of = (tenant: string, project: number): WireRecord => ({
      payload: 'x',
      tenant,
      kafka: { topic: `${prefix}-${tenant}-${project}` },
    })
    const flood = await writer.write(Array.from({ length: 300 }, (_, project) => of('mallory', project)))
    const refused = flood.filter((outcome) => outcome === 'KAFKA_TOO_MANY_TOPICS')
    assert.deepEqual([flood.length - refused.length, new Set(flood).size], [3, 2])
    assert.deepEqual(await writer.write([of('acme', 1), of('mallory', 0)]), ['stored', 'stored'])
    const made = (await writer.cluster.admin.topicNames()).filter((name) => name.startsWith(prefix))
    assert.equal(made.length, 4)
  })

  for (const missingTopic of ['create', 'wait'] as const) {
    it(`refuses by name a topic that differs from another only in "." and "_", with missingTopic ${missingTopic}`, async () => {
      const base = uniqueName('twin')
      const [dotted, healthy] = [
        await createTestTopic(brokers, { name: `${base}.line_1` }),
        await createTestTopic(brokers),
      ]
      writer = new Writer(brokers, { missingTopic })
      const twin = `${base}_line.1`
      const failures: PipelineError[] = []
      const completion = {
        stored: () => assert.fail(),
        failed: (error: PipelineError) => failures.push(error),
      }
      writer.producer.write(record(twin, '1'), completion)
      await until('it is refused', () => failures.length > 0)
      assert.deepEqual([failures[0]?.code, failures[0]?.retryable], ['KAFKA_INVALID_TOPIC', false])
      assert.ok(failures[0]?.message.includes(dotted), 'it says beside which one')
      assert.deepEqual(await writer.write([record(dotted, '1'), record(healthy, '2')]), ['stored', 'stored'])
    })
  }

  it('creates one of two such topics that come at once, and refuses the other by name', async () => {
    writer = new Writer(brokers, { missingTopic: 'create' })
    const base = uniqueName('twins')
    const outcome = await writer.write([record(`${base}.a_b`, '1'), record(`${base}_a.b`, '2')])
    assert.deepEqual([...outcome].sort(), ['KAFKA_INVALID_TOPIC', 'stored'])
  })

  it('continues with other topics when one that it has written to is deleted', async () => {
    const [doomed, healthy] = [await createTestTopic(brokers), await createTestTopic(brokers)]
    writer = new Writer(brokers)
    await writer.write([record(doomed, '1'), record(healthy, '1')])
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [doomed] }))
    const waiting = writer.write([record(doomed, '2')])
    await until(() => writer.producer.problem?.code === 'KAFKA_UNKNOWN_TOPIC')
    assert.deepEqual(await writer.write([record(healthy, '2')]), ['stored'])
    const later = await createTestTopic(brokers)
    assert.deepEqual(await writer.write([record(later, '1')]), ['stored'])
    await createTestTopic(brokers, { name: doomed })
    assert.deepEqual(await waiting, ['stored'])
  })

  it('continues when a topic is recreated with fewer partitions: all is stored, each device in order', async function () {
    this.timeout(120_000)
    const topic = await createTestTopic(brokers, { partitions: 12 })
    writer = new Writer(brokers)
    const load = new KafkaLoad(writer.producer, topic, 50).start()
    await load.everyKey(5)
    await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
    await until(() => writer.producer.problem?.code === 'KAFKA_UNKNOWN_TOPIC')
    await createTestTopic(brokers, { name: topic, partitions: 3 })
    await until('all devices are stored again', () => load.everyKey(20).then(() => true), {
      giveUpMs: 60_000,
    })
    await load.finish()
    assert.match(writer.warnings.join(), /has 3 partitions now, fewer than before/)
    const last = new Map<string, number>()
    for (const { key, partition, value } of await readTopic(brokers, topic)) {
      const lane = `${key}/${partition}`
      assert.ok(
        Number(value) > (last.get(lane) ?? -1),
        `${lane}: ${String(value)} came after ${last.get(lane)}`,
      )
      last.set(lane, Number(value))
    }
    assert.equal(writer.producer.problem, undefined)
  })

  it('writes off few records when a setting of the topic refuses all, says so, and resumes when it is corrected', async () => {
    const topic = await createTestTopic(brokers, { partitions: 3, config: { 'cleanup.policy': 'compact' } })
    writer = new Writer(brokers)
    const outcome = writer.write(Array.from({ length: 300 }, (_, at) => record(topic, String(at))))
    await until(() => writer.producer.problem?.code === 'KAFKA_TOPIC_REFUSES')
    assert.match(writer.producer.problem?.message ?? '', /cleanup\.policy=compact with records without a key/)
    await setTopic(brokers, topic, 'cleanup.policy', 'delete')
    const refused = (await outcome).filter((each) => each !== 'stored')
    assert.deepEqual(new Set(refused), new Set(['KAFKA_INVALID_RECORD']))
    assert.ok(refused.length <= 50, `${refused.length} were written off`)
    assert.equal(writer.producer.problem, undefined)
  })

  it('stores what it holds when it is closed', async () => {
    const topic = await createTestTopic(brokers, { partitions: 6 })
    writer = new Writer(brokers, { limits: { maxRecords: 500, maxBytes: 900_000, lingerMs: 10_000 } })
    const load = new KafkaLoad(writer.producer, topic)
    load.write(50)
    await writer.close()
    assert.equal(load.stored, load.total)
    assert.deepEqual(await writer.write([record(topic, 'late')]), ['KAFKA_CLOSED'])
  })
})

describe('the Kafka producer, when Kafka cannot be reached', () => {
  let writer: Writer

  afterEach(() => writer.close())

  it('says so, fails nothing, and hands back what it holds when it is closed', async () => {
    writer = new Writer(`127.0.0.1:${await freePort()}`)
    writer.producer.start()
    const failures: PipelineError[] = []
    const completion = { stored: () => assert.fail(), failed: (error: PipelineError) => failures.push(error) }
    writer.producer.write(record('t', '1'), completion)
    await until(() => writer.producer.problem !== undefined)
    assert.equal(writer.producer.problem?.statusText, 'Kafka: not reachable')
    assert.equal(writer.producer.heldRecords, 1)
    await writer.producer.close(100)
    assert.deepEqual(
      failures.map(({ code, retryable }) => [code, retryable]),
      [['KAFKA_CLOSED', true]],
    )
  })

  it('writes when only the last of its addresses answers', async () => {
    const { address } = await sharedKafka()
    const topic = await createTestTopic(address)
    writer = new Writer(`127.0.0.1:${await freePort()},127.0.0.1:${await freePort()},${address}`)
    assert.deepEqual(await writer.write([record(topic, '1')]), ['stored'])
  })
})

describe('the Kafka producer, when its broker', function () {
  this.timeout(120_000)
  let kafka: KafkaService
  let writer: Writer
  let proxy: FaultProxy
  let topic: string

  before(async () => {
    const port = await freePort()
    proxy = await FaultProxy.start(() => port)
    const properties = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` }
    kafka = await startKafka({ port, properties })
  })

  beforeEach(async () => {
    topic = await createTestTopic(kafka.address, { partitions: 6 })
    writer = new Writer(kafka.address)
  })

  afterEach(() => writer.close())

  after(async () => {
    await kafka.stop()
    await proxy.stop()
  })

  it('says that the compression is refused when a service answers with error 43, and asks again without a new login', async () => {
    const meddler = new KafkaMeddler()
    proxy.rewrite = meddler.rewrite
    await writer.close()
    writer = new Writer(kafka.address)
    const apis: number[] = []
    const errors = new ProduceErrors(meddler)
    errors.instead.set(ERROR.invalidRequiredAcks, ERROR.unsupportedForMessageFormat)
    meddler.onRequest = ({ api }, request) => {
      apis.push(api)
      if (api === API.produce) spoilProduce(request)
      return undefined
    }
    const outcome = writer.write([record(topic, 'x', 'k')])
    await until('it is refused', () => errors.of(ERROR.unsupportedForMessageFormat) > 0)
    const { accepted } = proxy
    apis.length = 0
    await until('it asks again and again', () => errors.of(ERROR.unsupportedForMessageFormat) >= 5)
    assert.equal(writer.producer.problem?.code, 'KAFKA_COMPRESSION')
    assert.equal(writer.producer.problem.statusText, 'Kafka: compression refused')
    assert.equal(proxy.accepted, accepted, 'no new connection is made')
    assert.ok(!apis.includes(API.initProducerId), 'no new producer is made')
    errors.end()
    meddler.clear()
    assert.deepEqual(await outcome, ['stored'])
    assert.equal((await readTopic(kafka.address, topic)).length, 1)
    await writer.close()
    proxy.rewrite = undefined
  })

  it('freezes and resumes, loses, repeats and reorders nothing', async () => {
    const load = new KafkaLoad(writer.producer, topic).start()
    await load.progress(1000)
    await kafka.brokers[0]?.freeze()
    await until(() => writer.producer.problem?.code === 'KAFKA_NO_ANSWER')
    kafka.brokers[0]?.thaw()
    await load.progress(1000)
    await load.finish()
    assert.equal(await load.check(kafka.address), 0)
    assert.equal(writer.producer.problem, undefined)
  })

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`ends by ${signal} and starts again, loses, repeats and reorders nothing`, async () => {
      const load = new KafkaLoad(writer.producer, topic).start()
      await load.progress(1000)
      await kafka.brokers[0]?.stop(signal)
      await until(() => writer.producer.problem?.code === 'KAFKA_UNREACHABLE')
      kafka.brokers[0]?.start()
      await kafka.ready()
      await load.progress(1000)
      await load.finish()
      assert.equal(await load.check(kafka.address), 0)
    })
  }

  it('loses answers on the way, repeats nothing', async () => {
    const load = new KafkaLoad(writer.producer, topic).start()
    await load.progress(200)
    while (proxy.lostAnswers < 10) {
      proxy.loseNextAnswers()
      await load.progress(100)
    }
    await load.finish()
    assert.equal(await load.check(kafka.address), 0)
  })

  it('is stopped while it closes: what it could not store fails as something to be sent again', async () => {
    const load = new KafkaLoad(writer.producer, topic)
    load.write(1)
    await load.finish()
    await kafka.brokers[0]?.freeze()
    load.write(10)
    await writer.producer.close(200)
    kafka.brokers[0]?.thaw()
    assert.equal(load.failures.length, 200)
    assert.deepEqual(
      [...new Set(load.failures.map(({ code, retryable }) => `${code} ${retryable}`))],
      ['KAFKA_CLOSED true'],
    )
  })
})

describe('the Kafka producer, with three brokers', function () {
  this.timeout(180_000)
  let kafka: KafkaService
  let writer: Writer

  before(async () => {
    kafka = await startKafka({ brokers: 3 })
  })

  afterEach(() => writer.close())

  after(() => kafka.stop())

  it('creates a topic with three replicas, two of them in sync, when the number is left to the cluster', async () => {
    const topic = uniqueName('created')
    const newTopic = { partitions: 2, replicas: 0, retentionMs: 3_600_000 }
    writer = new Writer(kafka.address, { missingTopic: 'create', newTopic })
    assert.deepEqual(await writer.write([record(topic, '1')]), ['stored'])
    const description = await writer.cluster.admin.describeTopic(topic)
    assert.deepEqual([description?.replicas, description?.minInSyncReplicas], [3, 2])
    assert.deepEqual(writer.warnings, [])
  })

  it('continues when a leader is killed, loses and reorders nothing', async () => {
    const topic = await createTestTopic(kafka.address, { partitions: 6, replicas: 3 })
    writer = new Writer(kafka.address)
    const load = new KafkaLoad(writer.producer, topic).start()
    await load.progress(1000)
    await kafka.brokers[0]?.stop('SIGKILL')
    await load.progress(2000)
    kafka.brokers[0]?.start()
    await kafka.ready()
    await untilInSync(kafka.address, topic)
    await load.progress(1000)
    await load.finish()
    assert.equal(await load.check(kafka.address), 0)
    assert.deepEqual(writer.warnings, [])
  })
})
