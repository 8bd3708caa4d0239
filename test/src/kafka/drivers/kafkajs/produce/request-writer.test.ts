import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import {
  RequestWriter,
  type WritableBroker,
} from '../../../../../../src/kafka/drivers/kafkajs/produce/request-writer'
import { isOfConnection, translateKafkaError } from '../../../../../../src/kafka/drivers/kafkajs/errors'
import type {
  ProduceAnswer,
  ProduceRequest,
} from '../../../../../../src/kafka/drivers/kafkajs/produce/produce-request'
import type { KafkaRecord, TopicPartition } from '../../../../../../src/kafka/driver'
import {
  JointRequests,
  type Outcome,
  type PartitionBatch,
} from '../../../../../../src/kafka/produce/joint-requests'
import { partitionKey } from '../../../../../../src/kafka/topic-partition'

const BROKERS = 3
const NOT_LEADER = 6
const TOO_LARGE = 10

describe('a writer of requests', () => {
  it('tells the outcome of each batch of a request', async () => {
    const { kafka, writer } = await setUp()
    kafka.refused = new Set(['a/3'])
    const outcomes = await writer.write([batch('a', 0), batch('a', 3), batch('b', 0, 2)], 0)
    assert.deepEqual(outcomes.map(codeOf), [0, 'KAFKA_RECORD_TOO_LARGE', 0])
    assert.deepEqual((await writer.write([batch('b', 0), batch('a', 3), batch('a', 0)], 0)).map(codeOf), [
      2,
      'KAFKA_RECORD_TOO_LARGE',
      1,
    ])
  })

  it('sends to one broker only, which refuses what another one leads by now', async () => {
    const { kafka, writer } = await setUp()
    kafka.leaders.set('a/3', 1)
    const [stored, moved] = await writer.write([batch('a', 0), batch('a', 3)], 0)
    assert.equal(stored, 0)
    assert.equal(codeOf(moved), 'KAFKA_NO_LEADER')
    assert.deepEqual(await writer.write([batch('a', 3)], undefined), [0])
  })

  it('takes nothing for an answer but partition and offset', async () => {
    for (const forge of [
      () => [],
      ([part]: Parts) => [part, part],
      ([part]: Parts) => [{ ...part, partition: 7 }],
      ([part]: Parts) => [{ ...part, baseOffset: '-1' }],
    ]) {
      const { kafka, writer } = await setUp()
      kafka.forge = ({ topics }) => ({
        topics: topics.map((each) => ({ ...each, partitions: forge([...each.partitions] as Parts) })),
      })
      assert.deepEqual((await writer.write([batch('a', 0)], 0)).map(codeOf), ['KAFKA_ANSWER_INCOMPLETE'])
    }
  })

  it('never has two batches of a partition under way, which would have the same number', async () => {
    const { writer } = await setUp()
    const first = writer.write([batch('a', 0)], 0)
    await assert.rejects(writer.write([batch('b', 0), batch('a', 0)], 0), /two batches/)
    await assert.rejects(writer.write([batch('b', 0), batch('b', 0)], 0), /two batches/)
    assert.deepEqual(await first, [0])
    assert.deepEqual(await writer.write([batch('b', 0), batch('a', 0)], 0), [0, 1])
  })

  it('begins the sequence again at 0 after the largest number, as Kafka counts it', async () => {
    const { kafka, writer } = await setUp()
    const many = { ...batch('a', 0), records: new Array<KafkaRecord>(2 ** 31 - 1) }
    await writer.write([many], 0)
    await writer.write([batch('a', 0, 3)], 0)
    await writer.write([batch('a', 0)], 0)
    assert.deepEqual(kafka.sequences, [0, 2 ** 31 - 1, 2])
  })

  it('asks once for the topics of one moment', async () => {
    const { kafka, writer } = await setUp()
    await Promise.all(['a', 'b', 'c', 'a'].map((topic) => writer.learn(topic)))
    await writer.learn('b')
    assert.deepEqual(kafka.asked, [['a', 'b', 'c']])
  })

  it('does not connect again once it is closed', async () => {
    const { kafka, writer } = await setUp()
    const sending = assert.rejects(writer.write([batch('a', 0)], 0), {
      code: 'KAFKA_CLOSED',
      retryable: true,
    })
    await writer.close()
    await sending
    await assert.rejects(writer.write([batch('a', 0)], 0), { code: 'KAFKA_CLOSED' })
    assert.equal(kafka.found, 0)
  })

  it('stores each batch once and says so, whatever is refused or lost, and wherever leaders move', async () => {
    const lane = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), partition: fc.nat({ max: 3 }) })
    const key = lane.map(partitionKey)
    const step = fc.record({
      lanes: fc.uniqueArray(lane, { selector: partitionKey, minLength: 1, maxLength: 8 }),
      records: fc.integer({ min: 1, max: 3 }),
      moved: fc.array(fc.tuple(key, fc.nat({ max: BROKERS - 1 })), { maxLength: 4 }),
      refused: fc.uniqueArray(key, { maxLength: 2 }),
      losses: fc.nat({ max: 2 }),
      turns: fc.nat({ max: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { kafka, writer } = await setUp()
        const joint = new JointRequests({
          leaderOf: (partition) => kafka.known.get(partitionKey(partition)),
          write: (batches, leader) => writer.write(batches, leader),
          isOfConnection,
        })
        const expected = new Map<string, PartitionBatch[]>()
        /** As a lane does: one batch out, repeated until it is stored or refused. */
        const write = async (sent: PartitionBatch, isRefused: boolean): Promise<void> => {
          for (let attempt = 0; attempt < 50; attempt++) {
            try {
              const before = expected.get(partitionKey(sent)) ?? []
              const offset = await joint.send(sent)
              assert.ok(!isRefused)
              assert.equal(
                offset,
                before.reduce((sum, { records }) => sum + records.length, 0),
              )
              expected.set(partitionKey(sent), [...before, sent])
              return
            } catch (thrown) {
              const { code, retryable } = translateKafkaError(thrown, 'writing')
              if (code === 'KAFKA_RECORD_TOO_LARGE') return assert.ok(isRefused, 'the refusal of another one')
              assert.ok(retryable && code !== 'KAFKA_FAILED', String(thrown))
            }
          }
          assert.fail('never stored')
        }
        for (const { lanes, records, moved, refused, losses, turns } of steps) {
          kafka.refused = new Set(refused)
          kafka.losses = losses
          const ended = lanes.map((to) =>
            write(batch(to.topic, to.partition, records), refused.includes(partitionKey(to))),
          )
          for (let n = 0; n < turns; n++) await turn()
          for (const [name, leader] of moved) kafka.leaders.set(name, leader)
          await Promise.all(ended)
          assert.deepEqual(
            kafka.contents(),
            new Map([...expected].map(([name, each]) => [name, each.flatMap((it) => [...it.records])])),
          )
        }
      }),
      { numRuns: 300 },
    )
  })
})

type Parts = [ProduceAnswer['topics'][number]['partitions'][number]]

let value = 0

function batch(topic: string, partition: number, records = 1): PartitionBatch {
  const record = (): KafkaRecord => ({ key: `${value++}`, value: null, headers: {}, timestamp: 1 })
  return { topic, partition, records: Array.from({ length: records }, record), bytes: 100 }
}

function codeOf(outcome: Outcome | undefined): number | string {
  return typeof outcome === 'number' ? outcome : translateKafkaError(outcome, 'writing').code
}

async function setUp(): Promise<{ kafka: FakeKafka; writer: RequestWriter }> {
  const kafka = new FakeKafka()
  const writer = new RequestWriter(kafka, kafka, { requestTimeoutMs: 1, compression: 0 })
  await writer.connect()
  return { kafka, writer }
}

interface Stored {
  readonly sequence: number
  readonly records: readonly unknown[]
  readonly offset: number
}

/** Brokers with leaders that move, and with Kafka's rule about sequence numbers. */
class FakeKafka {
  /** Of `a/0` to `c/3`: partition n is led by broker n modulo 3. */
  readonly leaders = new Map<string, number>(
    ['a', 'b', 'c'].flatMap((topic) =>
      [0, 1, 2, 3].map((partition): [string, number] => [
        partitionKey({ topic, partition }),
        partition % BROKERS,
      ]),
    ),
  )
  /** What the client knows of them. */
  known = new Map(this.leaders)
  readonly targetTopics = new Set<string>()
  readonly asked: string[][] = []
  readonly sequences: number[] = []
  found = 0
  refused: ReadonlySet<string> = new Set()
  /** Answers that get lost from here on. */
  losses = 0
  forge = (answer: ProduceAnswer): ProduceAnswer => answer
  private readonly stored = new Map<string, Stored[]>()
  private isStale = false

  refresh(): void {
    this.isStale = true
  }

  async refreshMetadataIfNecessary(): Promise<void> {
    await turn()
    if (this.isStale) this.known = new Map(this.leaders)
    this.isStale = false
  }

  async addMultipleTargetTopics(topics: readonly string[]): Promise<void> {
    await turn()
    this.asked.push([...topics])
    for (const topic of topics) this.targetTopics.add(topic)
  }

  findLeaderForPartitions(topic: string, [partition = 0]: readonly number[]): Record<string, unknown> {
    return { [`${this.known.get(partitionKey({ topic, partition }))}`]: [partition] }
  }

  async findBroker({ nodeId }: { readonly nodeId: string }): Promise<WritableBroker> {
    this.found++
    await turn()
    return {
      lookupRequest: () => assert.fail('not asked'),
      initProducerId: () => Promise.resolve({ producerId: '7', producerEpoch: 0 }),
      produce: (request) => this.produce(Number(nodeId), request),
    }
  }

  async findControllerBroker(): Promise<WritableBroker> {
    const broker = await this.findBroker({ nodeId: '0' })
    this.found = 0
    return broker
  }

  connect = (): Promise<void> => Promise.resolve()
  disconnect = (): Promise<void> => Promise.resolve()
  removeBroker = (): void => undefined

  /** What each partition has, record by record. */
  contents(): Map<string, unknown[]> {
    return new Map(
      [...this.stored].map(([name, batches]) => [name, batches.flatMap(({ records }) => [...records])]),
    )
  }

  private async produce(broker: number, { topicData }: ProduceRequest): Promise<ProduceAnswer> {
    await turn()
    const topics = topicData.map(({ topic, partitions }) => ({
      topicName: topic,
      partitions: partitions.map((part) => ({
        partition: part.partition,
        ...this.append(broker, topic, part),
      })),
    }))
    await turn()
    if (this.losses > 0) {
      this.losses--
      throw Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' })
    }
    return this.forge({ topics })
  }

  private append(
    broker: number,
    topic: string,
    { partition, messages, firstSequence }: ProduceRequest['topicData'][number]['partitions'][number],
  ): { readonly errorCode: number; readonly baseOffset: string } {
    const name = partitionKey({ topic, partition } satisfies TopicPartition)
    if (this.leaders.get(name) !== broker) return { errorCode: NOT_LEADER, baseOffset: '-1' }
    if (this.refused.has(name)) return { errorCode: TOO_LARGE, baseOffset: '-1' }
    this.sequences.push(firstSequence)
    const batches = this.stored.get(name) ?? []
    const last = batches.at(-1)
    if (last?.sequence === firstSequence && last.records.length === messages.length) {
      assert.equal(last.records, messages, 'another batch that is taken for a repetition')
      return { errorCode: 0, baseOffset: `${last.offset}` }
    }
    const due = last === undefined ? 0 : (last.sequence + last.records.length) % 2 ** 31
    assert.equal(firstSequence, due, 'a gap in the sequence')
    const offset = last === undefined ? 0 : last.offset + last.records.length
    this.stored.set(name, [...batches, { sequence: firstSequence, records: messages, offset }])
    return { errorCode: 0, baseOffset: `${offset}` }
  }
}
