import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  ALONE_AFTER_FAILURE,
  JOINT_RECORDS,
  JointRanges,
  type RangeWrite,
} from '../../../../src/postgres/sink/joint-ranges'
import type { Written } from '../../../../src/postgres/sink/transaction'

const MAX_BYTES = 10_000

/** A range of one partition with this many records. */
function write(partition: number, count: number, firstOffset = 0, bytes = 0): RangeWrite {
  const query = { clusterId: 'c', group: 'g', topic: 't', partition }
  return {
    key: { ...query, sink: 's' },
    range: { ...query, firstOffset, nextOffset: firstOffset + count },
    records: Array.from({ length: count }, () => ({ payload: Buffer.alloc(bytes) })),
    isLate: false,
  }
}

const written = ({ records }: RangeWrite): Written => ({ rows: records.length, rejected: [], before: false })
const turn = (): Promise<void> => new Promise(setImmediate)

/** Keeps each joint transaction open until its outcome is given. */
function joining(mayJoin: (write: RangeWrite) => boolean = () => true) {
  const together: { readonly writes: readonly RangeWrite[]; readonly end: (isWritten: boolean) => void }[] =
    []
  const alone: RangeWrite[] = []
  const joint = new JointRanges({
    maxBytes: MAX_BYTES,
    mayJoin,
    together: (writes) =>
      new Promise((resolve) =>
        together.push({ writes, end: (isWritten) => resolve(isWritten ? writes.map(written) : undefined) }),
      ),
    alone: (one) => {
      alone.push(one)
      return Promise.resolve(written(one))
    },
  })
  return { joint, together, alone }
}

describe('ranges of several partitions', () => {
  it('share a transaction when they come together, and have their own outcomes', async () => {
    const { joint, together, alone } = joining()
    const outcomes = [1, 2, 3].map((count) => joint.write(write(count, count)))
    await turn()
    together[0]?.end(true)
    assert.deepEqual(
      (await Promise.all(outcomes)).map(({ rows }) => rows),
      [1, 2, 3],
    )
    assert.deepEqual([together.length, alone.length], [1, 0])
  })

  it('go alone when there is one, when they are large, and when they may not be joined', async () => {
    const { joint, together, alone } = joining(({ range }) => range.partition !== 3)
    const large = joint.write(write(1, JOINT_RECORDS))
    const excluded = joint.write(write(3, 1))
    assert.equal(alone.length, 2)
    const only = joint.write(write(2, 1))
    await Promise.all([large, excluded, only])
    assert.deepEqual([together.length, alone.length], [0, 3])
  })

  it('gather while a joint transaction is out', async () => {
    const { joint, together } = joining()
    const first = [joint.write(write(1, 1)), joint.write(write(2, 1))]
    await turn()
    const second = [joint.write(write(3, 1)), joint.write(write(4, 1))]
    await turn()
    assert.equal(together.length, 1)
    together[0]?.end(true)
    await Promise.all(first)
    await turn()
    together[1]?.end(true)
    await Promise.all(second)
    assert.deepEqual(
      together.map(({ writes }) => writes.map(({ range }) => range.partition)),
      [
        [1, 2],
        [3, 4],
      ],
    )
  })

  it('are in several transactions at once when there is enough for another one', async () => {
    const { joint, together } = joining()
    const counts = [400, 500, 400, 500, 400]
    const outcomes = counts.map((count, partition) => joint.write(write(partition, count)))
    await turn()
    await turn()
    assert.deepEqual(
      together.map(({ writes }) => writes.length),
      [2, 2],
    )
    together[0]?.end(true)
    together[1]?.end(true)
    await Promise.all(outcomes)
  })

  it('are joined up to a number of bytes', async () => {
    const { joint, together } = joining()
    const outcomes = [0, 1, 2, 3].map((partition) => joint.write(write(partition, 1, 0, MAX_BYTES / 2)))
    await turn()
    together[0]?.end(true)
    await Promise.all(outcomes.slice(0, 2))
    await turn()
    together[1]?.end(true)
    await Promise.all(outcomes)
    assert.deepEqual(
      together.map(({ writes }) => writes.length),
      [2, 2],
    )
  })

  it('are each written alone when they could not be written together, and the next ones too', async () => {
    const { joint, together, alone } = joining()
    const first = [joint.write(write(1, 1)), joint.write(write(2, 1))]
    await turn()
    together[0]?.end(false)
    await Promise.all(first)
    for (let index = 0; index < ALONE_AFTER_FAILURE; index++) await joint.write(write(index, 1))
    assert.equal(alone.length, 2 + ALONE_AFTER_FAILURE)
    const next = [joint.write(write(1, 1)), joint.write(write(2, 1))]
    await turn()
    together[1]?.end(true)
    await Promise.all(next)
    assert.equal(alone.length, 2 + ALONE_AFTER_FAILURE)
  })

  it('are all written, once, in joint transactions of bounded size, whatever fails', async () => {
    const step = fc.record({
      partition: fc.nat(5),
      count: fc.oneof(fc.nat(20), fc.integer({ min: 300, max: 1_200 })),
      turns: fc.nat(2),
      fails: fc.integer({ min: 1, max: 20 }).map((dice) => dice === 1),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const stored: RangeWrite[] = []
        let failing = false
        const store = async (writes: readonly RangeWrite[]): Promise<void> => {
          await turn()
          stored.push(...writes)
        }
        const joint = new JointRanges({
          maxBytes: MAX_BYTES,
          mayJoin: () => true,
          together: async (writes) => {
            assert.ok(writes.length > 1)
            const sum = writes.reduce((all, { records }) => all + records.length, 0)
            assert.ok(sum <= JOINT_RECORDS)
            if (failing) return undefined
            await store(writes)
            return writes.map(written)
          },
          alone: async (one) => {
            await store([one])
            return written(one)
          },
        })
        const tails = new Map<number, Promise<unknown>>()
        const given: RangeWrite[] = []
        for (const [index, { partition, count, turns, fails }] of steps.entries()) {
          failing = fails
          const one = write(partition, count, index)
          given.push(one)
          const outcome = (tails.get(partition) ?? Promise.resolve()).then(async () => {
            assert.equal((await joint.write(one)).rows, count)
          })
          tails.set(partition, outcome)
          for (let passed = 0; passed < turns; passed++) await turn()
        }
        await Promise.all(tails.values())
        assert.equal(stored.length, given.length)
        const inPartition = (all: readonly RangeWrite[], partition: number): RangeWrite[] =>
          all.filter(({ range }) => range.partition === partition)
        for (const partition of tails.keys())
          assert.deepEqual(inPartition(stored, partition), inPartition(given, partition))
      }),
      { numRuns: 100 },
    )
  })
})
