import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { JointRequests, type PartitionBatch } from '../../../../src/kafka/produce/joint-requests'

/** What the fake leader answers: which batches it has stored. */
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
  const joint = new JointRequests<Answer>({
    leaderOf,
    write: (batches) => {
      requests.push(batches.map(nameOf))
      return write(batches)
    },
    isOfConnection: (error) => error instanceof Disconnected,
  })
  return { joint, requests }
}

describe('joint requests', () => {
  it('carry the batches of one moment, those for each leader together', async () => {
    const { joint, requests } = setUp((batches) => Promise.resolve(batches.map(nameOf)))
    const answers = await Promise.all([0, 1, 2, 3].map((partition) => joint.send(batch('t', partition))))
    assert.deepEqual(requests, [
      ['t/0', 't/2'],
      ['t/1', 't/3'],
    ])
    assert.deepEqual(answers[2], ['t/0', 't/2'])
  })

  it('wait for the answer to the one before, and for no other leader', async () => {
    const answers: (() => void)[] = []
    const { joint, requests } = setUp(
      (batches) => new Promise((resolve) => answers.push(() => resolve(batches.map(nameOf)))),
    )
    void joint.send(batch('t', 0))
    await turn()
    void joint.send(batch('t', 2))
    void joint.send(batch('u', 4))
    void joint.send(batch('t', 1))
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['t/1']])
    answers[0]?.()
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['t/1'], ['t/2', 'u/4']])
  })

  it('are no larger than every broker takes', async () => {
    const { joint, requests } = setUp((batches) => Promise.resolve(batches.map(nameOf)))
    const sizes = [600_000, 300_000, 200_000, 5_000_000, 1]
    await Promise.all(sizes.map((bytes, index) => joint.send(batch('t', 2 * index, bytes))))
    assert.deepEqual(requests, [['t/0', 't/2'], ['t/4'], ['t/6'], ['t/8']])
  })

  it('leave a batch alone whose leader is not known', async () => {
    const { joint, requests } = setUp((batches) => Promise.resolve(batches.map(nameOf)))
    await Promise.all([joint.send(batch('new', 0)), joint.send(batch('new', 2))])
    assert.deepEqual(requests, [['new/0'], ['new/2']])
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

  it('give each batch its own outcome, whatever is refused, and keep one request to a leader under way', async () => {
    const sends = fc.array(
      fc.record({ partition: fc.nat({ max: 5 }), isRefused: fc.boolean(), turns: fc.nat({ max: 3 }) }),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(sends, fc.infiniteStream(fc.nat({ max: 3 })), async (given, delays) => {
        const stored = new Set<string>()
        const isUnderWay = new Map<number | undefined, number>()
        const refused = new Set<string>()
        const { joint } = setUp(async (batches) => {
          const leader = leaderOf(batches[0] as PartitionBatch)
          assert.ok(batches.every((each) => leaderOf(each) === leader))
          if (batches.length > 1) assert.equal(isUnderWay.get(leader) ?? 0, 0)
          isUnderWay.set(leader, (isUnderWay.get(leader) ?? 0) + 1)
          for (let turns = delays.next().value as number; turns > 0; turns--) await turn()
          isUnderWay.set(leader, (isUnderWay.get(leader) ?? 0) - 1)
          // As a broker does: what it can store of the request it stores, and a repetition is known.
          for (const each of batches) if (!refused.has(nameOf(each))) stored.add(nameOf(each))
          if (batches.some((each) => refused.has(nameOf(each)))) throw new Refused()
          return batches.map(nameOf)
        })
        const outcomes: Promise<void>[] = []
        for (const [index, { partition, isRefused, turns }] of given.entries()) {
          const sent = batch(`t${index}`, partition)
          if (isRefused) refused.add(nameOf(sent))
          const outcome = joint.send(sent).then(
            (answer) => assert.ok(!isRefused && answer.includes(nameOf(sent))),
            (error) => assert.ok(isRefused && error instanceof Refused),
          )
          outcomes.push(outcome)
          for (let n = 0; n < turns; n++) await turn()
        }
        await Promise.all(outcomes)
        assert.equal(stored.size, given.filter(({ isRefused }) => !isRefused).length)
      }),
      { numRuns: 200 },
    )
  })
})
