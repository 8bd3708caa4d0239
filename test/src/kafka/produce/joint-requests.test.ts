import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { JointRequests, type PartitionBatch } from '../../../../src/kafka/produce/joint-requests'

/** What the fake leader answers: which batches were in the request. */
type Answer = readonly string[]

class Refused extends Error {}
class Disconnected extends Error {}

const nameOf = ({ topic, partition }: PartitionBatch): string => `${topic}/${partition}`

function batch(topic: string, partition: number, bytes = 100): PartitionBatch {
  return { topic, partition, records: [], bytes }
}

/** Partition n is led by broker n modulo 2; that of topic `new` is not known. */
const leaderOf = ({ topic, partition }: PartitionBatch): number | undefined =>
  topic === 'new' ? undefined : partition % 2

function setUp(write: (batches: readonly PartitionBatch[]) => Promise<Answer>) {
  const requests: string[][] = []
  const leaders: (number | undefined)[] = []
  const joint = new JointRequests<Answer>({
    leaderOf,
    write: (batches, leader) => {
      requests.push(batches.map(nameOf))
      leaders.push(leader)
      return write(batches)
    },
    isOfConnection: (error) => error instanceof Disconnected,
  })
  return { joint, requests, leaders }
}

const answer = (batches: readonly PartitionBatch[]): Promise<Answer> => Promise.resolve(batches.map(nameOf))

describe('joint requests', () => {
  it('carry the batches of one moment, those for each leader together, and only there', async () => {
    const { joint, requests, leaders } = setUp(answer)
    const answers = await Promise.all([0, 1, 2, 3].map((partition) => joint.send(batch('t', partition))))
    assert.deepEqual(requests, [
      ['t/0', 't/2'],
      ['t/1', 't/3'],
    ])
    assert.deepEqual(leaders, [0, 1])
    assert.deepEqual(answers[2], ['t/0', 't/2'])
  })

  it('wait for the answer to the one before, and for no other leader and topic', async () => {
    const answers: (() => void)[] = []
    const { joint, requests } = setUp(
      (batches) => new Promise((resolve) => answers.push(() => resolve(batches.map(nameOf)))),
    )
    void joint.send(batch('t', 0))
    await turn()
    for (const [topic, partition] of [
      ['t', 2],
      ['t', 4],
      ['u', 0],
      ['t', 1],
    ] as const)
      void joint.send(batch(topic, partition))
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['u/0'], ['t/1']])
    answers[0]?.()
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['u/0'], ['t/1'], ['t/2', 't/4']])
  })

  it('are no larger than every broker takes', async () => {
    const { joint, requests } = setUp(answer)
    const sizes = [600_000, 300_000, 200_000, 5_000_000, 1]
    await Promise.all(sizes.map((bytes, index) => joint.send(batch('t', 2 * index, bytes))))
    assert.deepEqual(requests, [['t/0', 't/2'], ['t/4'], ['t/6'], ['t/8']])
  })

  it('never have two batches of one partition', async () => {
    const { joint, requests } = setUp(answer)
    await Promise.all([0, 2, 0].map((partition) => joint.send(batch('t', partition))))
    assert.deepEqual(requests, [['t/0', 't/2'], ['t/0']])
  })

  it('leave a batch alone whose leader is not known', async () => {
    const { joint, requests, leaders } = setUp(answer)
    await Promise.all([joint.send(batch('new', 0)), joint.send(batch('new', 2))])
    assert.deepEqual(requests, [['new/0'], ['new/2']])
    assert.deepEqual(leaders, [undefined, undefined])
  })

  it('that were not answered fail for all, and are not sent again', async () => {
    const { joint, requests } = setUp(() => Promise.reject(new Disconnected()))
    const ended = await Promise.allSettled([joint.send(batch('t', 0)), joint.send(batch('t', 2))])
    assert.deepEqual(
      ended.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(requests, [['t/0', 't/2']])
  })

  it('are left by a partition that was refused, until it has stored a batch', async () => {
    let isRefused = true
    const { joint, requests } = setUp((batches) =>
      isRefused && batches.some(({ partition }) => partition === 2)
        ? Promise.reject(new Refused())
        : answer(batches),
    )
    const sendBoth = () => Promise.allSettled([joint.send(batch('t', 0)), joint.send(batch('t', 2))])
    await sendBoth()
    assert.deepEqual(requests.splice(0), [['t/0', 't/2'], ['t/0'], ['t/2']])
    await sendBoth()
    isRefused = false
    await sendBoth()
    assert.deepEqual(requests.splice(0).flat().sort(), ['t/0', 't/0', 't/2', 't/2'])
    await sendBoth()
    assert.deepEqual(requests, [['t/0', 't/2']])
  })

  it('do not wait for a batch that is sent again and gets no answer', async () => {
    const { joint, requests } = setUp((batches) => {
      if (batches.length > 1) return Promise.reject(new Refused())
      return batches[0]?.partition === 2 ? new Promise(() => undefined) : answer(batches)
    })
    void joint.send(batch('t', 2))
    await joint.send(batch('t', 0))
    await joint.send(batch('t', 4))
    assert.deepEqual(requests, [['t/2', 't/0'], ['t/2'], ['t/0'], ['t/4']])
  })

  it('store each batch once and say so, whatever is refused and wherever leaders move', async () => {
    const step = fc.record({
      partitions: fc.uniqueArray(fc.nat({ max: 5 }), { minLength: 1, maxLength: 6 }),
      moved: fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 2 })), { maxLength: 2 }),
      refused: fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 1 }),
      isLost: fc.boolean(),
      turns: fc.nat({ max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const kafka = new FakeKafka()
        const joint = new JointRequests<Answer>({
          leaderOf: ({ partition }) => kafka.leaders[partition],
          write: (batches, leader) => kafka.write(batches, leader),
          isOfConnection: (error) => error instanceof Disconnected,
        })
        /** As a lane does: one batch out, repeated until it is stored or refused. */
        const lane = async (sent: PartitionBatch, isRefused: boolean): Promise<void> => {
          for (let attempt = 0; attempt < 50; attempt++) {
            try {
              assert.ok((await joint.send(sent)).includes(nameOf(sent)))
              assert.ok(!isRefused)
              return
            } catch (error) {
              if (error instanceof Refused) return assert.ok(isRefused, 'the refusal of another partition')
              if (!(error instanceof Disconnected)) throw error
            }
          }
          assert.fail('never stored')
        }
        for (const { partitions, moved, refused, isLost, turns } of steps) {
          kafka.refused = new Set(refused)
          kafka.losesAnswer = isLost
          const ended = partitions.map((partition) =>
            lane(batch('t', partition), refused.includes(partition)),
          )
          for (let n = 0; n < turns; n++) await turn()
          for (const [partition, leader] of moved) kafka.leaders[partition] = leader
          await Promise.all(ended)
          for (const partition of partitions) if (!refused.includes(partition)) kafka.expected[partition]!++
          assert.deepEqual(kafka.stored, kafka.expected)
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** Brokers with sequence numbers, and a client that takes those of a failed request back, as Kafka and kafkajs do. */
class FakeKafka {
  readonly leaders = [0, 1, 2, 0, 1, 2]
  readonly stored = [0, 0, 0, 0, 0, 0]
  readonly expected = [0, 0, 0, 0, 0, 0]
  refused: ReadonlySet<number> = new Set()
  /** Of the next request; what it had is stored. */
  losesAnswer = false
  private readonly sequences = [0, 0, 0, 0, 0, 0]

  async write(batches: readonly PartitionBatch[], leader: number | undefined): Promise<Answer> {
    const partitions = batches.map(({ partition }) => partition)
    if (leader !== undefined && partitions.some((each) => this.leaders[each] !== leader)) throw new Refused()
    assert.ok(leader !== undefined || batches.length === 1, 'a request that may be split')
    const sent = partitions.map((each) => this.sequences[each]!++)
    try {
      await turn()
      partitions.forEach((each, index) => {
        if (this.refused.has(each)) return
        // The one after the last is new; the last one is known.
        if (sent[index] === this.stored[each]) this.stored[each]!++
        else assert.equal(sent[index], this.stored[each]! - 1, 'a gap in the sequence')
      })
      await turn()
      if (this.losesAnswer) {
        this.losesAnswer = false
        throw new Disconnected()
      }
      if (partitions.some((each) => this.refused.has(each))) throw new Refused()
      return batches.map(nameOf)
    } catch (error) {
      for (const each of partitions) this.sequences[each]!--
      throw error
    }
  }
}
