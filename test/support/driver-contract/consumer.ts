/** What a consumer hands out, what it commits, and what it survives. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumedBatch } from '../../../src/kafka/driver'
import { sizeOfGaps } from '../../../src/wire/offset-gaps'
import { compactedTopic } from '../compaction'
import { createTestTopic, deleteRecordsBefore, testClient, uniqueName, withAdmin } from '../kafka'
import { committedOffset, numbered, produce, type RecordingConsumer } from '../kafka-consumers'
import { parseTopics } from '../../../src/kafka/topic-selection'
import { until } from '../until'
import type { ContractStage } from './stage'

export function consumerContract(stage: () => ContractStage): void {
  const committed = (group: string, topic: string, partition = 0): Promise<number> =>
    committedOffset(stage().brokers, { group, topic, partition })

  it('hands out every record once and in order, in batches that tile the partition', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 3 })
    for (const partition of [0, 1, 2])
      await produce(stage().brokers, topic, numbered(4_000, `${partition}-`), partition)
    const it = stage().consumer({ groupId: uniqueName('group'), topics: [topic] })
    await until(() => it.count >= 12_000)
    for (const partition of [0, 1, 2]) {
      const batches = it.batches.filter((batch) => batch.partition === partition)
      const values = batches.flatMap((batch) => batch.records.map((record) => String(record.value)))
      assert.deepEqual(values, numbered(4_000, `${partition}-`))
      assert.ok(batches.every((batch) => batch.records.length <= 500))
      batches.forEach((batch, i) => assert.equal(batch.firstOffset, i === 0 ? 0 : batches[i - 1]?.nextOffset))
    }
  })

  it('gathers what is written one by one, and hands out the partitions of one answer in the same turn', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 3 })
    const groupId = uniqueName('group')
    let turn = {}
    const turns: object[] = []
    const it = stage().consumer({ groupId, topics: [topic], lingerMs: 250 }, () => {
      setImmediate(() => (turn = {}))
      turns.push(turn)
      return Promise.resolve()
    })
    const producer = testClient(stage().brokers).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    let written = 0
    await until('several rounds are read', async () => {
      for (const partition of [0, 1, 2])
        await producer.send({ topic, acks: -1, messages: [{ value: String(written++), partition }] })
      return it.batches.length >= 12
    })
    await until('all is read', () => it.count === written)
    await producer.disconnect()
    assert.ok(it.batches.length < written, `${it.batches.length} batches of ${written} writes`)
    assert.ok(new Set(turns).size < turns.length)
  })

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    it(`reads what the broker has recompressed with ${codec}, because of a setting of the topic`, async () => {
      const topic = await createTestTopic(stage().brokers, { config: { 'compression.type': codec } })
      // Compressible and not, and larger than one block of LZ4 (64 KB) and of Zstandard (128 KB).
      const values = [...numbered(2_000), randomBytes(150_000).toString('hex'), 'the same '.repeat(40_000)]
      await produce(stage().brokers, topic, values)
      const it = stage().consumer({ groupId: uniqueName('group'), topics: [topic] })
      await until(() => it.count >= values.length || it.stopped.length > 0)
      assert.deepEqual(it.stopped, [])
      assert.ok(values.every((value, at) => value === it.values[at]))
    })
  }

  it('commits nothing as an observer, not even where it began', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(10))
    const groupId = uniqueName('group')
    const it = stage().consumer({ groupId, topics: [topic], isObserver: true })
    await until(() => it.count === 10)
    await it.close()
    assert.equal(await committed(groupId, topic), -1)
  })

  it('commits what is settled and nothing more, and a restart continues there', async () => {
    const topic = await createTestTopic(stage().brokers)
    const groupId = uniqueName('group')
    await produce(stage().brokers, topic, numbered(1_200))
    const never = new Promise<void>(() => undefined)
    const first = stage().consumer({ groupId, topics: [topic] }, (batch) =>
      batch.firstOffset >= 1_000 ? never : Promise.resolve(),
    )
    await until(() => first.batches.length === 3)
    await until(async () => (await committed(groupId, topic)) === 1_000)
    await first.close()
    const second = stage().consumer({ groupId, topics: [topic] })
    await until(() => second.count >= 200)
    assert.equal(second.batches[0]?.firstOffset, 1_000)
    await until(async () => (await committed(groupId, topic)) === 1_200)
  })

  it('begins at the position that an asynchronous look-up answers, and hands out no record below it', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    for (const partition of [0, 1]) await produce(stage().brokers, topic, numbered(3_000), partition)
    const it = stage().consumer({
      groupId: uniqueName('group'),
      topics: [topic],
      startOffset: async ({ partition }) => {
        await sleep(partition === 0 ? 50 : 700)
        return { offset: 500 + partition * 1_000 }
      },
    })
    await until(() => it.count >= 2_500 + 1_500)
    const offsets = (partition: number): number[] =>
      it.batches.filter((b) => b.partition === partition).flatMap((b) => b.records.map((r) => r.offset))
    assert.deepEqual(
      offsets(0),
      Array.from({ length: 2_500 }, (_, i) => 500 + i),
    )
    assert.deepEqual(
      offsets(1),
      Array.from({ length: 1_500 }, (_, i) => 1_500 + i),
    )
  })

  it('asks again while the position cannot be looked up, and never begins elsewhere', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(100))
    let attempts = 0
    const it = stage().consumer({
      groupId: uniqueName('group'),
      topics: [topic],
      startOffset: () =>
        ++attempts < 3 ? Promise.reject(new Error('the database is away')) : Promise.resolve({ offset: 60 }),
    })
    await until(() => it.count >= 40)
    assert.equal(it.batches[0]?.firstOffset, 60)
    assert.ok(it.states.some((state) => /database is away/.test(state?.message ?? '')))
    assert.equal(it.states.at(-1), undefined)
  })

  it('begins at the end, or at a time, when asked to', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(10, 'old-'))
    await sleep(5)
    const timestamp = Date.now()
    await produce(stage().brokers, topic, numbered(10, 'new-'))
    const groupId = uniqueName('group')
    const fromEnd = stage().consumer({
      groupId,
      topics: [topic],
      startOffset: () => Promise.resolve('latest'),
    })
    const fromTime = stage().consumer({
      groupId: uniqueName('group'),
      topics: [topic],
      startOffset: () => Promise.resolve({ timestamp }),
    })
    // The first start is pinned before anything was read.
    await until(async () => (await committed(groupId, topic)) === 20)
    await produce(stage().brokers, topic, ['last'])
    await until(() => fromEnd.count >= 1 && fromTime.count >= 11)
    assert.deepEqual(fromEnd.values, ['last'])
    assert.deepEqual(fromTime.values, [...numbered(10, 'new-'), 'last'])
  })

  it('begins at the first record when that is what was committed, whatever the start is for new groups', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(100))
    await deleteRecordsBefore(stage().brokers, topic, 50)
    const groupId = uniqueName('group')
    await withAdmin(stage().brokers, (admin) => admin.resetOffsets({ groupId, topic, earliest: true }))
    assert.equal(await committed(groupId, topic), -2)
    const it = stage().consumer({
      groupId,
      topics: [topic],
      startOffset: (_, offset) => Promise.resolve(offset === undefined ? 'latest' : { offset }),
    })
    await until(() => it.count === 50)
    assert.equal(it.batches[0]?.firstOffset, 50)
    assert.deepEqual(it.stopped, [])
  })

  it('shares partitions with a second member: nothing missing, nothing handed out again after its commit', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 4 })
    const groupId = uniqueName('group')
    const done = new Set<string>()
    const again: string[] = []
    const work = async (batch: ConsumedBatch): Promise<void> => {
      const { partition, records } = batch
      const known = records.filter(({ offset }) => done.has(`${partition}:${offset}`))
      // While a group rebalances Kafka refuses commits, and the consumer gives them up: a later one covers them.
      const position = known.length === 0 ? 0 : await committed(groupId, topic, partition)
      for (const { offset } of known) if (offset < position) again.push(`${partition}:${offset}`)
      await sleep(100)
    }
    const settle = (batch: ConsumedBatch): void => {
      for (const { offset } of batch.records) done.add(`${batch.partition}:${offset}`)
    }
    const member = (): RecordingConsumer => {
      const it = stage().consumer({ groupId, topics: [topic], maxBatchRecords: 50 }, work)
      const commit = it.consumer.commit.bind(it.consumer)
      it.consumer.commit = async (partition, offset) => {
        await commit(partition, offset)
        settle(partition as ConsumedBatch)
      }
      return it
    }
    for (const partition of [0, 1, 2, 3]) await produce(stage().brokers, topic, numbered(2_000), partition)
    const first = member()
    await until(() => first.count > 200)
    const second = member()
    await until(() => second.count > 200)
    await first.close()
    await until(async () => {
      const offsets = await Promise.all([0, 1, 2, 3].map((partition) => committed(groupId, topic, partition)))
      return offsets.every((offset) => offset === 2_000)
    })
    const seen = new Set([...first.positions, ...second.positions])
    assert.equal(seen.size, 8_000)
    assert.deepEqual(again, [])
  })

  it('leaves partitions with their member when it shares them stickily and others come and go', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 6 })
    const groupId = uniqueName('group')
    const member = (): RecordingConsumer => stage().consumer({ groupId, topics: [topic], assigner: 'sticky' })
    const has = ({ assigned, revoked }: RecordingConsumer): number => assigned.length - revoked.length
    const first = member()
    await until(() => has(first) === 6)
    const second = member()
    await until(() => has(first) === 3 && has(second) === 3)
    const third = member()
    await until(() => [first, second, third].every((each) => has(each) === 2))
    assert.deepEqual([first.revoked.length, second.revoked.length], [4, 1])
    await third.close()
    await until(() => has(first) === 3 && has(second) === 3)
    assert.deepEqual([first.revoked.length, second.revoked.length], [4, 1])
    await produce(stage().brokers, topic, ['5'], 5)
    await until(() => first.count + second.count === 1)
  })

  for (const assigner of ['round-robin', 'sticky'] as const) {
    it(`reads all topics of a group whose members read different ones, shared ${assigner}`, async () => {
      const { brokers } = stage()
      const [one, both] = await Promise.all([1, 2].map(() => createTestTopic(brokers, { partitions: 3 })))
      const groupId = uniqueName('group')
      const topicsOf = [[one], [one, both], [both]] as string[][]
      const members: RecordingConsumer[] = []
      // The first one leads the group, and does not read the topics of all.
      for (const topics of topicsOf) {
        const member = stage().consumer({ groupId, topics, assigner })
        members.push(member)
        await until('the group takes it in', () => member.joins > 0)
      }
      for (const topic of [one, both] as string[])
        for (const partition of [0, 1, 2]) await produce(brokers, topic, numbered(100), partition)
      await until('all records arrive', () => sumOf(members, ({ count }) => count) >= 600)
      assert.deepEqual(
        members.map(({ assigned, revoked }) => assigned.length - revoked.length),
        [2, 2, 2],
      )
      for (const [at, { batches }] of members.entries())
        for (const { topic } of batches) assert.ok(topicsOf[at]?.includes(topic))
    })
  }

  it('says what no member reads when another program leads the group and shares its own topics alone', async () => {
    const { brokers } = stage()
    const [theirs, ours] = await Promise.all([1, 2].map(() => createTestTopic(brokers, { partitions: 2 })))
    if (theirs === undefined || ours === undefined) return
    const groupId = uniqueName('group')
    const leader = testClient(brokers).consumer({ groupId })
    await leader.connect()
    await leader.subscribe({ topic: theirs })
    await leader.run({ eachMessage: () => Promise.resolve() })
    const it = stage().consumer({ groupId, topics: [ours] })
    for (const partition of [0, 1]) await produce(brokers, ours, numbered(5), partition)
    await until('it says so', () => it.impairments.some((each) => each?.code === 'KAFKA_UNREAD'))
    await until('it knows how much waits there', () => it.unread.length === 2)
    assert.equal(
      sumOf(it.unread, ({ lag }) => lag),
      10,
    )
    assert.equal(it.states.at(-1), undefined)
    await leader.disconnect()
    await until('all is read', () => it.count === 10)
    await until('it says so', () => it.unread.length === 0 && it.impairments.at(-1) === undefined)
  })

  it('keeps its membership while the flow holds a batch for longer than the session timeout', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    await produce(stage().brokers, topic, numbered(10), 0)
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const it = stage().consumer({ groupId: uniqueName('group'), topics: [topic] }, (batch) =>
      batch.partition === 0 ? held : Promise.resolve(),
    )
    await until(() => it.count === 10)
    const heldAtMs = performance.now()
    await until(() => performance.now() - heldAtMs > 6_000 * 1.5)
    // The other partition continues meanwhile.
    await produce(stage().brokers, topic, numbered(10), 1)
    await until(() => it.count === 20)
    await produce(stage().brokers, topic, ['after'], 0)
    release()
    await until(() => it.count === 21)
    assert.equal(it.joins, 1)
    assert.deepEqual(it.revoked, [])
  })

  it('stops a partition whose next offset Kafka has deleted, says so, and reads the others', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    for (const partition of [0, 1]) await produce(stage().brokers, topic, numbered(100), partition)
    await deleteRecordsBefore(stage().brokers, topic, 50)
    const groupId = uniqueName('group')
    const it = stage().consumer({
      groupId,
      topics: [topic],
      startOffset: () => Promise.resolve({ offset: 10 }),
    })
    await until(() => it.count >= 90 && it.stopped.length > 0)
    assert.deepEqual(it.stopped[0]?.partition, { topic, partition: 0 })
    assert.equal(it.stopped[0].problem.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    assert.match(it.stopped[0].problem.message, /10 to 49: 40 records/)
    assert.ok(it.batches.every((batch) => batch.partition === 1))
    await it.consumer.release({ topic, partition: 0 }, 60, () => Promise.resolve())
    await until(() => it.count >= 130)
    assert.equal(it.batches.find((batch) => batch.partition === 0)?.firstOffset, 60)
    await until(async () => (await committed(groupId, topic)) === 100)
  })

  it('stops a partition when records are deleted under it while it waits', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(3_000, 'x'.repeat(1_000)))
    const groupId = uniqueName('group')
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const it = stage().consumer({ groupId, topics: [topic], maxBatchRecords: 100 }, () => held)
    await until(() => it.count > 0)
    await deleteRecordsBefore(stage().brokers, topic, 2500)
    release()
    await until(() => it.stopped.length > 0)
    assert.equal(it.stopped[0]?.problem.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    const lastRead = it.batches.at(-1)?.nextOffset as number
    assert.ok(lastRead < 2_500)
    // kafkajs has committed its default offset; the group must be where we stopped, so that a restart stops again.
    await until(async () => (await committed(groupId, topic)) === lastRead)
  })

  it('stops a partition whose batch the flow cannot take, and continues with that batch when it is released', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    for (const partition of [0, 1])
      await produce(stage().brokers, topic, numbered(300, `${partition}-`), partition)
    let isBroken = true
    const it = stage().consumer(
      { groupId: uniqueName('group'), topics: [topic], maxBatchRecords: 100 },
      ({ partition, firstOffset }) =>
        isBroken && partition === 0 && firstOffset === 100
          ? Promise.reject(new Error('no message can be made of it'))
          : Promise.resolve(),
    )
    await until(() => it.stopped.length > 0 && it.count === 500)
    assert.deepEqual([it.stopped[0]?.nextOffset, it.stopped[0]?.settled], [100, 100])
    isBroken = false
    await it.consumer.release({ topic, partition: 0 }, 100, () => Promise.resolve())
    await until(() => it.count === 700)
    assert.deepEqual(new Set(it.values).size, 600)
  })

  it('stops a partition whose topic is created again while it is being read', async () => {
    const name = await createTestTopic(stage().brokers)
    await produce(stage().brokers, name, numbered(500))
    const groupId = uniqueName('group')
    const it = stage().consumer({ groupId, topics: [name] })
    await until(() => it.count === 500)
    await withAdmin(stage().brokers, (admin) => admin.deleteTopics({ topics: [name] }))
    await createTestTopic(stage().brokers, { name })
    await produce(stage().brokers, name, numbered(10))
    await until(() => it.stopped.length > 0)
    assert.equal(it.stopped[0]?.problem.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    assert.match(it.stopped[0].problem.message, /is 500, but Kafka ends at 10/)
    await until(async () => (await committed(groupId, name)) === 500)
    assert.equal(it.count, 500)
  })

  it('waits for a topic that is not there, and sees topics and partitions that come later, from their first record on', async () => {
    const name = uniqueName('late')
    const options = {
      groupId: uniqueName('group'),
      topics: parseTopics(`/${name}/`),
      startOffset: (_: unknown, committed: number | undefined) =>
        Promise.resolve(committed === undefined ? ('latest' as const) : { offset: committed }),
    }
    const it = stage().consumer(options)
    await until(() => it.states.some((state) => state?.code === 'KAFKA_UNKNOWN_TOPIC'))
    await createTestTopic(stage().brokers, { name: `__${name}` })
    await createTestTopic(stage().brokers, { name: `${name}-1` })
    await produce(stage().brokers, `${name}-1`, ['a'])
    await until(() => it.values.includes('a'))
    await createTestTopic(stage().brokers, { name: `${name}-2` })
    await produce(stage().brokers, `${name}-2`, ['b'])
    await until(() => it.values.includes('b'))
    await withAdmin(stage().brokers, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: `${name}-2`, count: 2 }] }),
    )
    await produce(stage().brokers, `${name}-2`, ['c'], 1)
    await until(() => it.values.includes('c'))
    assert.deepEqual([...it.values].sort(), ['a', 'b', 'c'])
    assert.deepEqual(it.excluded, [`__${name}`], 'told once, and not read')
    await it.close()
    await createTestTopic(stage().brokers, { name: `${name}-3` })
    await produce(stage().brokers, `${name}-3`, ['d'])
    const again = stage().consumer(options)
    await until(() => again.values.includes('d'))
  })

  it('skips transaction markers and aborted records, and commits beyond them', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = testClient(stage().brokers).producer({
      transactionalId: uniqueName('tx'),
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    for (const [value, commit] of [
      ['1', true],
      ['lost', false],
      ['lost', false],
      ['2', true],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value }] })
      await (commit ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    const groupId = uniqueName('group')
    const it = stage().consumer({ groupId, topics: [topic], maxBytesPerPartition: 100 })
    await until(() => it.count >= 2)
    await produce(stage().brokers, topic, ['3'])
    await until(() => it.count >= 3)
    assert.deepEqual(it.values, ['1', '2', '3'])
    assert.deepEqual(
      it.batches.flatMap(({ gaps }) => gaps),
      [],
      'records of transactions are not missing',
    )
    assert.deepEqual(it.stopped, [])
    await until(async () => (await committed(groupId, topic)) === 9)
  })

  it('tiles a partition whose records are compacted away in between, at its beginning and at its end', async () => {
    const { brokers } = stage()
    const { topic, keys, offsets: expected } = await compactedTopic(brokers)
    const groupId = uniqueName('group')
    const it = stage().consumer({ groupId, topics: [topic], maxBatchRecords: 7 })
    const end = (expected.at(-1) ?? 0) + 1
    await until(async () => (await committed(groupId, topic)) === end)
    it.batches.forEach((batch, i) =>
      assert.equal(batch.firstOffset, i === 0 ? 0 : it.batches[i - 1]?.nextOffset),
    )
    const offsets = it.batches.flatMap((batch) => batch.records.map(({ offset }) => offset))
    // Kafka may have compacted more since we looked.
    assert.ok(offsets.every((offset) => expected.includes(offset)))
    assert.equal(new Set(it.values).size, keys.length, 'the last record of each key')
    const gaps = it.batches.reduce((sum, batch) => sum + sizeOfGaps(batch.gaps), 0)
    assert.equal(gaps, end - offsets.length, 'what is missing is reported')
    assert.deepEqual(it.stopped, [])
  })

  it('continues by itself when Kafka appears late, and when it goes and comes back', async () => {
    const topic = await createTestTopic(stage().brokers)
    await produce(stage().brokers, topic, numbered(1_000))
    stage().proxy.set({ refuse: true })
    const disturbed = stage().driver({ brokers: [stage().proxy.address], requestTimeoutMs: 10_000 })
    const options = { groupId: uniqueName('group'), topics: [topic], maxBatchRecords: 100 }
    const it = stage().consumer(options, undefined, disturbed)
    await until(() => it.states.at(-1) !== undefined)
    stage().proxy.set({})
    await until(() => it.count >= 1_000)
    assert.equal(it.states.at(-1), undefined)
    stage().proxy.set({ refuse: true })
    stage().proxy.reset()
    await until(() => it.states.at(-1) !== undefined)
    await produce(stage().brokers, topic, numbered(10, 'after-'))
    stage().proxy.set({})
    await until(() => it.values.includes('after-9'))
    assert.deepEqual(it.values, [...numbered(1_000), ...numbered(10, 'after-')])
  })
}

function sumOf<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}
