import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Assigner as KafkaJsAssigner, Cluster } from 'kafkajs'
import type { Assigner, TopicPartition } from '../../../../../src/kafka/driver'
import { decodeOwned, groupAssigner } from '../../../../../src/kafka/drivers/kafkajs/assigners'
import { partitionKey } from '../../../../../src/kafka/topic-partition'

const TOPICS = ['a', 'b', 'c', '__proto__']

interface Group {
  /** Topics of each member; the first one leads. */
  readonly subscriptions: readonly (readonly string[])[]
  /** Partitions of each topic; a member may have subscribed to one that is gone. */
  readonly counts: readonly number[]
  /** The topic and the number of partitions that each member says it has had. */
  readonly owned: readonly (readonly [number, number])[]
}

function partitionsOf(topics: readonly string[], counts: readonly number[]): TopicPartition[] {
  return topics.flatMap((topic) =>
    Array.from({ length: counts[TOPICS.indexOf(topic)] ?? 0 }, (_, partition) => ({ topic, partition })),
  )
}

/** What kafkajs would let each member of a group fetch from: it drops topics that a member has not subscribed to. */
async function fetched(kind: Assigner, { subscriptions, counts, owned }: Group): Promise<TopicPartition[][]> {
  const ofMember = (at: number): KafkaJsAssigner =>
    groupAssigner(kind, {
      owned: () => partitionsOf([TOPICS[owned[at]?.[0] ?? 0] ?? ''], [9, 9, 9, 9]).slice(0, owned[at]?.[1]),
      partitionsOf: (topics) => Promise.resolve(partitionsOf(topics, counts)),
    })({ cluster: clusterWith(counts) } as never)
  const members = subscriptions.map((topics, at) => ({
    memberId: `m${at}`,
    memberMetadata: ofMember(at).protocol({ topics: [...topics] }).metadata,
  }))
  const given = await ofMember(0).assign({ members, topics: [...(subscriptions[0] ?? [])] })
  return subscriptions.map((topics, at) => {
    const answer = given.find(({ memberId }) => memberId === `m${at}`)?.memberAssignment
    const assignment = answer === undefined ? [] : read(answer)
    return assignment.filter(({ topic }) => topics.includes(topic))
  })
}

/** Read by hand, because kafkajs' own decoder loses a topic called `__proto__`. */
function read(answer: Buffer): TopicPartition[] {
  let at = 2
  const int32 = (): number => answer.readInt32BE((at += 4) - 4)
  const partitions: TopicPartition[] = []
  for (let topics = int32(); topics > 0; topics--) {
    const length = answer.readInt16BE((at += 2) - 2)
    const topic = answer.toString('utf8', at, (at += length))
    for (let count = int32(); count > 0; count--) partitions.push({ topic, partition: int32() })
  }
  return partitions
}

/** A client that knows the topics of its own subscription alone would do; more are not asked for. */
function clusterWith(counts: readonly number[]): Cluster {
  const findTopicPartitionMetadata = (topic: string): unknown =>
    partitionsOf([topic], counts).map(({ partition }) => ({ partitionId: partition }))
  return { findTopicPartitionMetadata } as unknown as Cluster
}

/** Members to which this one could give a partition, by way of others too. */
function reachable(
  from: number,
  given: readonly (readonly TopicPartition[])[],
  subscriptions: Group['subscriptions'],
): number[] {
  const found = new Set([from])
  for (const at of found)
    for (const { topic } of given[at] ?? [])
      for (const [other, topics] of subscriptions.entries()) if (topics.includes(topic)) found.add(other)
  return [...found]
}

const groups = fc.record<Group>({
  subscriptions: fc.array(fc.subarray(TOPICS), { minLength: 1, maxLength: 6 }),
  counts: fc.tuple(fc.nat(8), fc.nat(8), fc.nat(8), fc.nat(8)),
  owned: fc.array(fc.tuple(fc.nat(3), fc.nat(9)), { minLength: 6, maxLength: 6 }),
})

describe('the assigners of a consumer group', () => {
  for (const kind of ['round-robin', 'sticky'] as const) {
    it(`${kind}: each partition goes to one member that reads its topic, and evenly`, async () => {
      await fc.assert(
        fc.asyncProperty(groups, async (group) => {
          const { subscriptions, counts } = group
          const given = await fetched(kind, group)
          const read = [...new Set(subscriptions.flat())]
          assert.deepEqual(
            given.flat().map(partitionKey).sort(),
            partitionsOf(read, counts).map(partitionKey).sort(),
          )
          for (const at of subscriptions.keys()) {
            const fewest = Math.min(
              ...reachable(at, given, subscriptions).map((it) => given[it]?.length ?? 0),
            )
            assert.ok((given[at]?.length ?? 0) - fewest <= 1, `m${at} of ${JSON.stringify(given)}`)
          }
        }),
      )
    })
  }

  it('round-robin: shares as kafkajs does when all members read the same topics', async () => {
    const given = await fetched('round-robin', {
      subscriptions: [
        ['a', 'b'],
        ['a', 'b'],
      ],
      counts: [3, 1],
      owned: [],
    })
    assert.deepEqual(
      given.map((share) => share.map(partitionKey)),
      [
        ['a/0', 'a/2'],
        ['a/1', 'b/0'],
      ],
    )
  })

  it('are known to the other members by the names of before', () => {
    const nameOf = (kind: Assigner): string =>
      groupAssigner(kind, { owned: () => [], partitionsOf: () => Promise.resolve([]) })({
        cluster: clusterWith([]),
      } as never).name
    assert.deepEqual(
      [nameOf('round-robin'), nameOf('sticky')],
      ['RoundRobinAssigner', 'TenantPipelineSticky'],
    )
  })

  it('take what they do not understand in the data of a member for nothing', () => {
    for (const text of ['', 'null', '[1]', '{"a":5}', '\u0000'])
      assert.deepEqual(decodeOwned(Buffer.from(text)), [])
  })
})
