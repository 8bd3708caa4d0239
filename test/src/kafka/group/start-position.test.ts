import assert from 'node:assert/strict'
import { outOfRange } from '../../../../src/kafka/group/partition-errors'
import type { KnownPositions } from '../../../../src/wire/positions'
import { startPosition, type StartPositionOptions } from '../../../../src/kafka/group/start-position'

const partition = { topic: 't', partition: 2 }
const base: StartPositionOptions = {
  partition,
  assignment: 1,
  group: 'g',
  committed: 70,
  otherwise: 'earliest',
  ledger: undefined,
}

function ledger(answer: () => Promise<KnownPositions>): StartPositionOptions['ledger'] {
  return { clusterId: () => Promise.resolve('c'), store: { positions: answer } }
}

const nothing: KnownPositions = { settled: undefined, sinks: undefined }
const settledAt = (settled: number, smallest = settled, largest = smallest): StartPositionOptions['ledger'] =>
  ledger(() => Promise.resolve({ settled, sinks: { smallest, largest } }))
/** Of an older version, whose consumers had no position of their own. */
const at = (smallest: number, largest: number): StartPositionOptions['ledger'] =>
  ledger(() => Promise.resolve({ settled: undefined, sinks: { smallest, largest } }))

describe('startPosition', () => {
  it('takes the position of the consumer, however far a sink is behind that the flow feeds rarely', async () => {
    assert.deepEqual(await startPosition({ ...base, ledger: settledAt(60, 3, 65) }), {
      offset: 60,
      reached: 65,
    })
  })

  it('takes the position of the consumer when Kafka has forgotten the group, or it has gone back in a failover', async () => {
    for (const committed of [undefined, 70])
      assert.deepEqual(await startPosition({ ...base, committed, ledger: settledAt(50) }), {
        offset: 50,
        reached: 50,
      })
  })

  it('says which time the record before the position had, where it begins there', async () => {
    const store = ledger(() => Promise.resolve({ settled: 50, lastTimestamp: 7, sinks: undefined }))
    assert.deepEqual(await startPosition({ ...base, ledger: store }), {
      offset: 50,
      reached: 50,
      lastTimestamp: 7,
    })
    assert.deepEqual(await startPosition({ ...base, committed: 40, ledger: store }), {
      offset: 40,
      reached: 50,
    })
  })

  it('takes the committed offset when the operator has set it back', async () => {
    assert.deepEqual(await startPosition({ ...base, ledger: settledAt(90) }), { offset: 70, reached: 90 })
  })

  it('takes the position of the sinks where the consumer has none, also when more is committed to Kafka', async () => {
    assert.deepEqual(await startPosition({ ...base, ledger: at(50, 60) }), { offset: 50, reached: 60 })
  })

  it('takes the committed offset when all positions are further: a sink that has none may be behind', async () => {
    assert.deepEqual(await startPosition({ ...base, ledger: at(80, 90) }), { offset: 70, reached: 90 })
  })

  it('takes the position of the ledger when Kafka has forgotten the group', async () => {
    const forgotten = { ...base, committed: undefined, ledger: at(80, 90) }
    assert.deepEqual(await startPosition(forgotten), { offset: 80, reached: 90 })
  })

  it('takes the committed offset when the ledger has none', async () => {
    assert.deepEqual(await startPosition({ ...base, ledger: ledger(() => Promise.resolve(nothing)) }), {
      offset: 70,
    })
    assert.deepEqual(await startPosition(base), { offset: 70 })
  })

  it('takes what is configured when no position is known', async () => {
    assert.equal(await startPosition({ ...base, committed: undefined, otherwise: 'latest' }), 'latest')
  })

  it('rejects while the ledger cannot be read, instead of taking the committed offset', async () => {
    await assert.rejects(
      startPosition({ ...base, ledger: ledger(() => Promise.reject(new Error('away'))) }),
      /away/,
    )
  })
})

describe('outOfRange', () => {
  const range = { earliest: 10, latest: 20 }

  it('accepts every offset that can be read next, the end among them', () => {
    for (const offset of [10, 15, 20]) assert.equal(outOfRange(partition, offset, range), undefined)
  })

  it('says how many records were deleted', () => {
    const problem = outOfRange(partition, 4, range)
    assert.equal(problem?.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    assert.match(problem.message, /4 to 9: 6 records were never read/)
  })

  it('says that the topic is shorter than it was', () => {
    assert.match(outOfRange(partition, 21, range)?.message ?? '', /Kafka ends at 20/)
  })
})
