import assert from 'node:assert/strict'
import type { LaneLimits } from '../../../src/batching/lane'
import { Lanes } from '../../../src/batching/lanes'
import { PipelineError } from '../../../src/wire/errors'
import { ManualClock, settled } from '../../support/manual-clock'

const down = new PipelineError('DOWN', 'down', { retryable: true })
const ignore = { stored: () => undefined, failed: () => undefined }

function setUp(
  write: (topic: string, partition: number, records: readonly string[]) => Promise<unknown>,
  { clock = new ManualClock(), limits = {} }: { clock?: ManualClock; limits?: Partial<LaneLimits> } = {},
) {
  return new Lanes<string>({
    limits: { maxRecords: 1, maxBytes: 1000, lingerMs: 0, ...limits },
    backoff: { initialMs: 100, maxMs: 1000 },
    clock,
    refusalOf: ({ retryable }) => (retryable ? undefined : 'all'),
    write,
  })
}

describe('lanes', () => {
  it('hand over, in order, what is held from a partition on, and write it no more', async () => {
    const lanes = setUp(() => Promise.reject(down))
    for (const [partition, record] of [
      [0, 'a'],
      [7, 'b'],
      [9, 'c'],
      [7, 'd'],
    ] as const) {
      lanes.add('t', partition, record, 10, ignore)
    }
    await settled()
    const taken = lanes.takeFrom('t', 3).map(({ partition, record }) => `${partition} ${record}`)
    assert.deepEqual(taken.sort(), ['7 b', '7 d', '9 c'])
    assert.deepEqual([lanes.heldRecords, lanes.heldBytes, lanes.size], [1, 10, 1])
    assert.deepEqual(lanes.takeFrom('u', 0), [])
  })

  it('are looked through for idle ones seldom, also when thousands hold records', () => {
    const lanes = setUp(() => new Promise(() => undefined))
    for (let n = 0; n < 40_000; n++) lanes.add(`topic-${n}`, 0, 'x', 1, ignore)
    assert.equal(lanes.size, 40_000)
  })

  it('write partitions side by side', () => {
    const written: string[] = []
    const lanes = setUp((topic, partition, records) => {
      written.push(`${topic}/${partition} ${records.join()}`)
      return new Promise(() => undefined)
    })
    lanes.add('t', 0, 'a', 10, ignore)
    lanes.add('t', 1, 'b', 10, ignore)
    lanes.add('u', 0, 'c', 10, ignore)
    lanes.add('t', 0, 'd', 10, ignore)
    assert.deepEqual(written, ['t/0 a', 't/1 b', 'u/0 c'])
  })

  it('go out together when the first of them has waited long enough', async () => {
    const clock = new ManualClock()
    const written: string[] = []
    const lanes = setUp(
      (topic, partition, records) => {
        written.push(`${topic}/${partition} ${records.join()}`)
        return new Promise(() => undefined)
      },
      { clock, limits: { maxRecords: 10, lingerMs: 5 } },
    )
    lanes.add('t', 0, 'a', 10, ignore)
    await clock.pass(3)
    lanes.add('t', 1, 'b', 10, ignore)
    lanes.add('u', 0, 'c', 10, ignore)
    assert.deepEqual(written, [])
    await clock.pass(2)
    assert.deepEqual(written, ['t/0 a', 't/1 b', 'u/0 c'])
  })

  it('count what they hold until it is stored', async () => {
    const lanes = setUp(() => Promise.resolve())
    lanes.add('t', 0, 'a', 10, ignore)
    lanes.add('t', 1, 'b', 20, ignore)
    assert.deepEqual([lanes.heldRecords, lanes.heldBytes], [2, 30])
    await settled()
    assert.deepEqual([lanes.heldRecords, lanes.heldBytes], [0, 0])
    assert.equal(lanes.batches.get('records')?.count, 2)
  })

  it('tell the problem of any of them until it is over', async () => {
    const lanes = setUp(() => Promise.reject(down))
    lanes.add('t', 0, 'a', 10, ignore)
    await settled()
    assert.equal(lanes.problem, down)
    lanes.abandon(down)
    assert.equal(lanes.problem, undefined)
    assert.equal(lanes.heldRecords, 0)
  })

  it('work with thousands of topics, each record stored once, and keep few that are idle', async () => {
    const written: string[] = []
    const lanes = setUp((topic) => {
      written.push(topic)
      return Promise.resolve()
    })
    for (let round = 0; round < 2; round++) {
      for (let topic = 0; topic < 3000; topic++) {
        lanes.add(`topic-${topic}`, 0, 'a', 1, ignore)
        if (topic % 100 === 0) await settled()
      }
    }
    await settled()
    assert.equal(written.length, 6000)
    assert.equal(lanes.heldRecords, 0)
    assert.ok(lanes.size <= 1100, `${lanes.size} lanes`)
  })
})
