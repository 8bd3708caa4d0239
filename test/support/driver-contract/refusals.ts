/** What a driver says when Kafka does not take a batch, and that other topics do not suffer. */
import assert from 'node:assert/strict'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
  type AclEntry,
} from 'kafkajs'
import { freePort } from '../../../dev/services/free-port'
import type { KafkaDriver } from '../../../src/kafka/driver'
import { createTestTopic, uniqueName, withAdmin } from '../kafka'
import { passwordLogin, PASSWORD, STRANGER } from '../secured-kafka'
import { until } from '../until'
import { batchOf, failureOf, sendUntilStored, type ContractStage } from './stage'

export function refusalContract(stage: () => ContractStage): void {
  const stranger = (): KafkaDriver => {
    const { brokers, sasl } = stage().kafka.connect('LOGIN', passwordLogin('plain', PASSWORD, STRANGER))
    return stage().driver({ brokers, sasl })
  }

  /** What the stranger may do with the topic. */
  async function allow(topic: string, operations: readonly AclOperationTypes[]): Promise<void> {
    const acl = operations.map((operation): AclEntry => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${STRANGER}`,
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }))
    await withAdmin(stage().brokers, (admin) => admin.createAcls({ acl }))
  }

  it('gives up a record that is too large, and continues with the partition', async () => {
    const topic = await createTestTopic(stage().brokers, { config: { 'max.message.bytes': '2000' } })
    const producer = stage().producer()
    const error = await failureOf(producer.send(topic, 0, batchOf(['x'.repeat(5_000)])))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_RECORD_TOO_LARGE', false])
    assert.equal(await producer.send(topic, 0, batchOf(['small'])), 0)
  })

  it('stores what is sent at the same moment as a batch that is refused, once, and says so', async () => {
    const small = await createTestTopic(stage().brokers, { config: { 'max.message.bytes': '2000' } })
    const healthy = await createTestTopic(stage().brokers, { partitions: 3 })
    const producer = stage().producer()
    // From here on the client knows the leaders of the partitions.
    await producer.send(small, 0, batchOf(['small']))
    await producer.send(healthy, 0, batchOf(['a']))
    for (let round = 1; round <= 5; round++) {
      const refused = failureOf(producer.send(small, 0, batchOf(['x'.repeat(5_000)])))
      const stored = [0, 1, 2].map((partition) => producer.send(healthy, partition, batchOf([`${round}`])))
      assert.equal((await refused).code, 'KAFKA_RECORD_TOO_LARGE')
      assert.deepEqual(await Promise.all(stored), [round, round - 1, round - 1])
    }
    const rounds = ['1', '2', '3', '4', '5']
    assert.deepEqual(await stage().valuesOf(healthy), ['a', ...rounds, ...rounds, ...rounds])
  })

  it('gives each of many topics its own answer: stored, refused, missing', async () => {
    const [stored, small] = ['stored', 'small'].map((kind) =>
      Array.from({ length: 20 }, () => uniqueName(kind)),
    ) as [string[], string[]]
    const missing = [uniqueName('missing'), uniqueName('missing')]
    const topics = [
      ...stored.map((topic) => ({ topic })),
      ...small.map((topic) => ({ topic, configEntries: [{ name: 'max.message.bytes', value: '2000' }] })),
    ]
    await withAdmin(stage().brokers, (admin) => admin.createTopics({ topics, waitForLeaders: true }))
    const producer = stage().producer()
    for (let round = 0; round < 5; round++) {
      const offsets = stored.map(async (topic) => {
        return (await sendUntilStored(producer, topic, batchOf([`${round}`]))).offset
      })
      const codes = [...small, ...missing].map(async (topic) => {
        return (await failureOf(producer.send(topic, 0, batchOf(['x'.repeat(5_000)])))).code
      })
      assert.deepEqual(new Set(await Promise.all(offsets)), new Set([round]))
      const refused = await Promise.all(codes)
      // A topic that has just been created may have no leader yet.
      if (round === 0) continue
      assert.deepEqual(new Set(refused.slice(0, small.length)), new Set(['KAFKA_RECORD_TOO_LARGE']))
      assert.deepEqual(new Set(refused.slice(small.length)), new Set(['KAFKA_UNKNOWN_TOPIC']))
    }
    const ends = await withAdmin(stage().brokers, (admin) =>
      Promise.all(
        [...stored, ...small].map(async (topic) => (await admin.fetchTopicOffsets(topic))[0]?.high),
      ),
    )
    assert.deepEqual(ends, [...stored.map(() => '5'), ...small.map(() => '0')])
  })

  it('gives up a record whose time the topic does not take, and continues with the partition', async () => {
    const config = { 'message.timestamp.before.max.ms': '3600000' }
    const topic = await createTestTopic(stage().brokers, { config })
    const producer = stage().producer()
    const [record] = batchOf(['of now'])
    assert.ok(record !== undefined)
    const error = await failureOf(producer.send(topic, 0, [{ ...record, timestamp: 1 }]))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_INVALID_TIME', false])
    assert.equal(await producer.send(topic, 0, [record]), 0)
  })

  it('waits for a topic that is missing: never creates it, and writes once it exists', async () => {
    const name = uniqueName('late')
    const producer = stage().producer()
    const asking = [() => producer.partitionCount(name), () => producer.send(name, 0, batchOf(['a']))]
    for (const ask of asking) {
      const error = await failureOf(ask())
      assert.deepEqual([error.code, error.retryable], ['KAFKA_UNKNOWN_TOPIC', true])
    }
    assert.ok(!(await withAdmin(stage().brokers, (admin) => admin.listTopics())).includes(name))
    await createTestTopic(stage().brokers, { name })
    assert.equal((await sendUntilStored(producer, name, batchOf(['a']))).offset, 0)
  })

  it('gives up a topic with an impossible name', async () => {
    const error = await failureOf(
      stage()
        .producer()
        .send('not a topic', 0, batchOf(['a'])),
    )
    assert.deepEqual([error.code, error.retryable], ['KAFKA_INVALID_TOPIC', false])
  })

  it('does not take a partition that is not there for one that was written', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    const producer = stage().producer()
    const error = await failureOf(producer.send(topic, 2, batchOf(['a'])))
    // An operator may add it.
    assert.equal(error.retryable, true)
    assert.equal(await producer.send(topic, 1, batchOf(['a'])), 0)
  })

  it('writes to a partition that has been added', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().producer()
    await producer.send(topic, 0, batchOf(['a']))
    await withAdmin(stage().brokers, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }),
    )
    await until(async () => (await producer.partitionCount(topic)) === 2)
    assert.equal((await sendUntilStored(producer, topic, batchOf(['b']), 1)).offset, 0)
  })

  it('says that a topic is not allowed, writes to others meanwhile, and to it once it is', async () => {
    const [forbidden, allowed] = [
      await createTestTopic(stage().brokers),
      await createTestTopic(stage().brokers),
    ]
    const rights = [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE]
    await allow(allowed, rights)
    const producer = stage().producer({}, stranger())
    await sendUntilStored(producer, allowed, batchOf(['a']))
    for (const asking of [
      () => producer.partitionCount(forbidden),
      () => producer.send(forbidden, 0, batchOf(['x'])),
    ]) {
      const error = await failureOf(asking())
      assert.deepEqual([error.code, error.retryable], ['KAFKA_FORBIDDEN', true])
      assert.equal(error.statusText, 'Kafka: not allowed')
    }
    await sendUntilStored(producer, allowed, batchOf(['b']))
    await allow(forbidden, rights)
    assert.equal((await sendUntilStored(producer, forbidden, batchOf(['x']))).offset, 0)
    assert.deepEqual(await stage().valuesOf(allowed), ['a', 'b'])
  })

  it('says that a topic which may only be read is not to be written to', async () => {
    const topic = await createTestTopic(stage().brokers)
    await allow(topic, [AclOperationTypes.READ, AclOperationTypes.DESCRIBE])
    const producer = stage().producer({}, stranger())
    assert.equal(await producer.partitionCount(topic), 1)
    assert.equal((await failureOf(producer.send(topic, 0, batchOf(['x'])))).code, 'KAFKA_FORBIDDEN')
  })

  it('continues with other topics when one that it has written to is deleted, and with that when it is back', async () => {
    const [doomed, healthy] = [await createTestTopic(stage().brokers), await createTestTopic(stage().brokers)]
    const producer = stage().producer()
    await producer.send(doomed, 0, batchOf(['1', '2', '3']))
    await producer.send(healthy, 0, batchOf(['a']))
    await withAdmin(stage().brokers, (admin) => admin.deleteTopics({ topics: [doomed] }))
    await until(async () => {
      const error = await failureOf(producer.send(doomed, 0, batchOf(['4'])))
      return error.code === 'KAFKA_UNKNOWN_TOPIC'
    })
    await sendUntilStored(producer, healthy, batchOf(['b']))
    await createTestTopic(stage().brokers, { name: doomed })
    // Its sequence numbers continue, and the new topic has never seen this producer.
    assert.equal((await sendUntilStored(producer, doomed, batchOf(['4']))).offset, 0)
    assert.deepEqual(await stage().valuesOf(healthy), ['a', 'b'])
  })

  it('says that nothing listens at the address', async () => {
    const producer = stage().producer({}, stage().driver({ brokers: [`127.0.0.1:${await freePort()}`] }))
    const asking = [() => producer.partitionCount('t'), () => producer.send('t', 0, batchOf(['a']))]
    for (const ask of asking) {
      const error = await failureOf(ask())
      assert.deepEqual([error.code, error.retryable], ['KAFKA_UNREACHABLE', true])
    }
  })

  it('finds a broker that answers after one that does not', async () => {
    const brokers = [`127.0.0.1:${await freePort()}`, stage().brokers]
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().producer({}, stage().driver({ brokers }))
    assert.equal((await sendUntilStored(producer, topic, batchOf(['a']))).offset, 0)
  })
}
