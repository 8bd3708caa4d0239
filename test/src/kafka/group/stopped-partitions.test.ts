import assert from 'node:assert/strict'
import type { PartitionStop, StartAt } from '../../../../src/kafka/driver'
import { StoppedPartitions } from '../../../../src/kafka/group/stopped-partitions'
import { PipelineError } from '../../../../src/wire/errors'

const p0 = { topic: 't', partition: 0 }

function stopAt(end: number | undefined, code = 'KAFKA_OFFSET_OUT_OF_RANGE'): PartitionStop {
  const problem = new PipelineError(code, 'possible loss', { retryable: false })
  return { problem, nextOffset: 1_000, settled: 900, end }
}

describe('StoppedPartitions', () => {
  let groups = 0
  let group: string
  const open = (): StoppedPartitions => new StoppedPartitions(() => group)
  const start = (offset: number, reached?: number): StartAt =>
    reached === undefined ? { offset } : { offset, reached }
  beforeEach(() => {
    group = `group ${groups++}`
  })

  it('remembers a possible loss until it is released, also in the consumer that comes after', () => {
    const before = open()
    before.add(p0, stopAt(50))
    before.leave(p0)
    assert.equal(before.problem, undefined)
    const after = open()
    for (const at of [start(900), start(1_000), start(40, 1_000)])
      assert.equal(after.recall(p0, at)?.nextOffset, 1_000)
    after.add(p0, stopAt(1_500))
    after.release(p0)
    assert.equal(after.recall(p0, start(1_000)), undefined)
  })

  it('forgets a stop when the partition begins elsewhere: it was released by another process, or by hand', () => {
    const it = open()
    for (const at of [start(0), start(1_001), 'earliest' as const]) {
      it.add(p0, stopAt(50))
      assert.equal(it.recall(p0, at), undefined)
      assert.equal(it.recall(p0, start(1_000)), undefined)
    }
  })

  it('lets what cannot be read, or not be taken into the flow, be tried again when the partition comes back', () => {
    const it = open()
    it.add(p0, stopAt(undefined, 'KAFKA_UNREADABLE'))
    assert.equal(it.recall(p0, start(1_000)), undefined)
  })

  it('knows the smallest end that was seen since, however large the topic has become', async () => {
    const it = open()
    it.add(p0, stopAt(50))
    const [listed] = await it.list(() => Promise.resolve({ earliest: 0, latest: 1_500 }))
    assert.deepEqual([listed?.latest, listed?.nextOffset], [1_500, 1_000])
    assert.equal(it.smallestEnd(p0, 1_500), 50)
    it.leave(p0)
    it.add(p0, stopAt(1_500))
    assert.equal(it.smallestEnd(p0, 1_600), 50)
  })

  it('learns of a smaller end from the one that asked', async () => {
    const it = open()
    it.add(p0, stopAt(undefined, 'KAFKA_UNREADABLE'))
    await it.list(() => Promise.resolve({ earliest: 0, latest: 20 }))
    assert.equal(it.smallestEnd(p0, 2_000), 20)
  })
})
