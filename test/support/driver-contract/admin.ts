/** Topics and offsets. */
import assert from 'node:assert/strict'
import { freePort } from '../../../dev/services/free-port'
import { createTestTopic, uniqueName, withAdmin } from '../kafka'
import { numbered, produce } from '../kafka-consumers'
import { passwordLogin, PASSWORD, STRANGER } from '../secured-kafka'
import { until } from '../until'
import { failureOf, type ContractStage } from './stage'

export function adminContract(stage: () => ContractStage): void {
  it('names the cluster, the same at every broker and time', async () => {
    const id = await stage().admin().clusterId()
    assert.match(id, /^[\w-]{22}$/)
    assert.equal(await stage().admin().clusterId(), id)
  })

  it('counts the brokers, and knows where they want to be reached', async () => {
    assert.equal(await stage().admin().brokerCount(), 1)
    const [address = ''] = await stage().admin().brokerAddresses()
    assert.match(address, /^[\w.-]+:\d+$/)
  })

  it('knows whether the broker creates topics that a client asks for', async () => {
    assert.equal(typeof (await stage().admin().createsTopics()), 'boolean')
  })

  it('describes a topic with what decides whether it keeps its records', async () => {
    const config = {
      'min.insync.replicas': '1',
      'retention.ms': '86400000',
      'cleanup.policy': 'compact,delete',
    }
    const topic = await createTestTopic(stage().brokers, { partitions: 5, config })
    assert.deepEqual(await stage().admin().describeTopic(topic), {
      topic,
      partitions: 5,
      replicas: 1,
      minInSyncReplicas: 1,
      retentionMs: 86_400_000,
      cleanupPolicy: 'compact,delete',
      hasAppendTime: false,
      maxMessageBytes: 1_048_588,
    })
  })

  it('lists topics with their partitions and groups, counts records, and knows where a group has positions', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 3 })
    await produce(stage().brokers, topic, numbered(7))
    const [group, other] = [uniqueName('group'), uniqueName('group')]
    await withAdmin(stage().brokers, (it) =>
      it.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '1' }] }),
    )
    const admin = stage().admin()
    assert.equal((await admin.partitionCounts()).get(topic), 3)
    assert.equal(await admin.recordCount(topic), 7)
    assert.ok((await admin.groupNames()).includes(group))
    assert.deepEqual(await admin.describeGroup(group), { members: 0, topics: [topic] })
    assert.deepEqual(await admin.describeGroup(other), { members: 0, topics: [] })
  })

  it('recognizes a topic that is missing, and does not create it', async () => {
    const name = uniqueName('missing')
    const admin = stage().admin()
    assert.equal(await admin.describeTopic(name), undefined)
    assert.ok(!(await withAdmin(stage().brokers, (it) => it.listTopics())).includes(name))
  })

  it('creates a topic that can be written to at once, and leaves an existing one as it is', async () => {
    const topic = uniqueName('created')
    const admin = stage().admin()
    const config = { 'retention.ms': '3600000' }
    await admin.createTopic({ topic, partitions: 3, replicas: 1, config })
    assert.equal(
      await stage()
        .producer()
        .send(topic, 2, [])
        .catch(() => 0),
      0,
    )
    await admin.createTopic({ topic, partitions: 9, replicas: 1, config: { 'retention.ms': '1000' } })
    const description = await admin.describeTopic(topic)
    assert.deepEqual([description?.partitions, description?.retentionMs], [3, 3_600_000])
  })

  it('says why a topic cannot be created', async () => {
    const admin = stage().admin()
    const plans = [
      { topic: uniqueName('t'), partitions: 1, replicas: 3, config: {} },
      { topic: uniqueName('t'), partitions: 1, replicas: 1, config: { 'retention.ms': 'soon' } },
    ]
    for (const plan of plans) {
      const error = await failureOf(admin.createTopic(plan))
      assert.deepEqual([error.code, error.retryable], ['KAFKA_TOPIC_NOT_CREATED', true])
    }
    const impossible = { topic: 'not a topic', partitions: 1, replicas: 1, config: {} }
    assert.equal((await failureOf(admin.createTopic(impossible))).code, 'KAFKA_INVALID_TOPIC')
  })

  it('says what a user is not allowed', async () => {
    const { brokers, sasl } = stage().kafka.connect('LOGIN', passwordLogin('plain', PASSWORD, STRANGER))
    const admin = stage().admin(stage().driver({ brokers, sasl }))
    const topic = await createTestTopic(stage().brokers)
    const error = await failureOf(admin.describeTopic(topic))
    assert.deepEqual([error.code, error.statusText], ['KAFKA_FORBIDDEN', 'Kafka: not allowed'])
    const plan = { topic: uniqueName('t'), partitions: 1, replicas: 1, config: {} }
    assert.equal((await failureOf(admin.createTopic(plan))).code, 'KAFKA_FORBIDDEN')
  })

  it('knows the first offset of a partition and the one after the last', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    await produce(stage().brokers, topic, numbered(10), 1)
    await withAdmin(stage().brokers, async (it) => {
      await it.fetchTopicOffsets(topic)
      await it.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '4' }] })
    })
    const admin = stage().admin()
    assert.deepEqual(await admin.offsets({ topic, partition: 0 }), { earliest: 0, latest: 0 })
    await until(async () => (await admin.offsets({ topic, partition: 1 })).earliest === 4)
    assert.equal((await admin.offsets({ topic, partition: 1 })).latest, 10)
    const missing = await failureOf(admin.offsets({ topic, partition: 2 }))
    assert.equal(missing.code, 'KAFKA_UNKNOWN_TOPIC')
  })

  it('connects again after its connection was cut, and after one that was never answered', async () => {
    const admin = stage().admin(stage().driver({ brokers: [stage().proxy.address] }))
    const id = await admin.clusterId()
    stage().proxy.reset()
    await until(async () => (await admin.clusterId().catch(() => '')) === id)
    stage().proxy.set({ blackHole: true })
    assert.equal((await failureOf(admin.clusterId())).code, 'KAFKA_NO_ANSWER')
    stage().proxy.set({})
    await until(async () => (await admin.clusterId().catch(() => '')) === id)
  })

  it('can be created before there is a Kafka, and says that there is none', async () => {
    const admin = stage().admin(stage().driver({ brokers: [`127.0.0.1:${await freePort()}`] }))
    assert.equal((await failureOf(admin.clusterId())).code, 'KAFKA_UNREACHABLE')
  })

  it('is closed', async () => {
    const admin = stage().admin()
    await admin.clusterId()
    await Promise.all([admin.close(), admin.close()])
    assert.equal((await failureOf(admin.clusterId())).code, 'KAFKA_CLOSED')
  })
}
