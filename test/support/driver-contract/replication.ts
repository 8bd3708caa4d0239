/** Three brokers: a batch is acknowledged when all replicas in sync have it, and leaders come and go. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafka, type KafkaService } from '../../../dev/services/kafka'
import { createTestTopic, uniqueName, untilInSync, withAdmin } from '../kafka'
import { committedOffset, numbered } from '../kafka-consumers'
import { readTopic } from '../kafka-log'
import { until } from '../until'
import { batchOf, failureOf, sendUntilStored, type ContractStage } from './stage'

export function replicationContract(stage: () => ContractStage): void {
  let kafka: KafkaService

  before(async function () {
    this.timeout(120_000)
    kafka = await startKafka({ brokers: 3 })
  })
  after(() => kafka.stop())

  const producer = (limits: { requestTimeoutMs: number } = { requestTimeoutMs: 1_000 }) =>
    stage().producer(limits, stage().driver({ brokers: kafka.address.split(',') }))
  const valuesOf = async (topic: string): Promise<string[]> =>
    (await readTopic(kafka.address, topic)).map(({ value }) => String(value))
  const leaderOf = (topic: string): Promise<number> =>
    withAdmin(kafka.address, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions[0]?.leader ?? -1
    })

  it('continue when the leader moves, time and again: nothing is lost, repeated or out of order', async () => {
    const topic = await createTestTopic(kafka.address, { replicas: 2 })
    const sending = producer()
    let writing = true
    const move = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        const leader = await leaderOf(topic)
        const others = [1, 2, 3].filter((id) => id !== leader)
        const replicas = round % 2 === 0 ? others : [...others].reverse()
        await withAdmin(kafka.address, (admin) =>
          admin.alterPartitionReassignments({
            topics: [{ topic, partitionAssignment: [{ partition: 0, replicas }] }],
          }),
        )
        await until(async () => ![leader, -1].includes(await leaderOf(topic)))
      }
      writing = false
    }
    const write = async (): Promise<number> => {
      let written = 0
      while (writing) {
        const { offset } = await sendUntilStored(sending, topic, batchOf([`${written}`, `${written + 1}`]))
        assert.equal(offset, written)
        written += 2
        await sleep(5)
      }
      return written
    }
    const [written] = await Promise.all([write(), move()])
    assert.deepEqual(await valuesOf(topic), numbered(written))
  })

  it('say that an answer is late while a replica is silent; the same batch again is stored once', async () => {
    const topic = await createTestTopic(kafka.address, { replicas: 3 })
    const sending = producer({ requestTimeoutMs: 500 })
    await sendUntilStored(sending, topic, batchOf(['first']))
    const leader = await leaderOf(topic)
    const follower = kafka.brokers.find(({ id }) => id !== leader)
    await follower?.freeze()
    const batch = batchOf(['a'])
    try {
      // The leader has appended it, and waits for the follower until our time is over. Before that kafkajs may ask
      // the silent broker for metadata.
      await until(async () => {
        const { code, retryable, message } = await failureOf(sending.send(topic, 0, batch))
        const isLate = message.includes('REQUEST_TIMED_OUT')
        assert.deepEqual([code, retryable], [isLate ? 'KAFKA_TIMED_OUT' : 'KAFKA_NO_ANSWER', true])
        return isLate
      })
    } finally {
      follower?.thaw()
    }
    assert.equal((await sendUntilStored(sending, topic, batch)).offset, 1)
    assert.deepEqual(await valuesOf(topic), ['first', 'a'])
    await untilInSync(kafka.address, topic)
  })

  it('acknowledge nothing while too few replicas are in sync, and store it once when they are back', async () => {
    const topic = await createTestTopic(kafka.address, {
      replicas: 3,
      config: { 'min.insync.replicas': '3' },
    })
    const sending = producer()
    await sending.send(topic, 0, batchOf(['first']))
    const leader = await leaderOf(topic)
    const follower = kafka.brokers.find(({ id }) => id !== leader)
    await follower?.stop()
    const batch = batchOf(['a'])
    await until(async () => {
      const { code, retryable } = await failureOf(sending.send(topic, 0, batch))
      assert.ok(retryable)
      return code === 'KAFKA_NOT_ENOUGH_REPLICAS'
    })
    follower?.start()
    assert.equal((await sendUntilStored(sending, topic, batch)).offset, 1)
    assert.deepEqual(await valuesOf(topic), ['first', 'a'])
    await kafka.ready()
    await untilInSync(kafka.address, topic)
  })

  it('continue when a leader is killed that keeps the group as well: all is there and read, once and in order', async () => {
    let [topic, leader, groupId]: [string, number, string | undefined] = ['', -1, undefined]
    await until(
      'a broker leads a topic and keeps a group: one that was away leads nothing for a while',
      async () => {
        topic = await createTestTopic(kafka.address, { replicas: 3 })
        leader = await leaderOf(topic)
        groupId = await groupOf(kafka.address, leader)
        return groupId !== undefined
      },
    )
    const sending = producer()
    const write = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at++) await sendUntilStored(sending, topic, batchOf([`${at}`]))
    }
    const reading = stage().driver({ brokers: kafka.address.split(','), requestTimeoutMs: 10_000 })
    const reader = stage().consumer({ groupId: String(groupId), topics: [topic] }, undefined, reading)
    await write(0, 20)
    await until(() => reader.count === 20)
    await until(async () => (await committedOffset(kafka.address, { group: String(groupId), topic })) === 20)
    const killed = kafka.brokers.find(({ id }) => id === leader)
    await killed?.stop('SIGKILL')
    await write(20, 40)
    await until(() => reader.count >= 40)
    assert.deepEqual(reader.values, numbered(40))
    assert.deepEqual(await valuesOf(topic), numbered(40))
  })
}

/** A name for a group that this broker keeps, as leader of its partition of `__consumer_offsets`; none when it leads none. */
function groupOf(brokers: string, broker: number): Promise<string | undefined> {
  return withAdmin(brokers, async (admin) => {
    // The first group of all makes Kafka create the topic.
    await until(() =>
      admin.fetchOffsets({ groupId: 'first', topics: [] }).then(
        () => true,
        () => false,
      ),
    )
    const { topics } = await admin.fetchTopicMetadata({ topics: ['__consumer_offsets'] })
    const partitions = topics[0]?.partitions ?? []
    while (partitions.some(({ leader }) => leader === broker)) {
      const groupId = uniqueName('group')
      let hash = 0
      for (const character of groupId) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0
      const own = (hash & 0x7fffffff) % partitions.length
      if (partitions.find(({ partitionId }) => partitionId === own)?.leader === broker) return groupId
    }
    return undefined
  })
}
