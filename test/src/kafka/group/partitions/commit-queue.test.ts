import assert from 'node:assert/strict'
import { CommitQueue, type PartitionOffset } from '../../../../../src/kafka/group/partitions/commit-queue'
import { until } from '../../../../support/until'

const a = { topic: 't', partition: 0 }
const b = { topic: 't', partition: 1 }

/** A queue whose requests end when the test says so. */
function harness(everyMs = 0) {
  const requests: { offsets: readonly PartitionOffset[]; end: (error?: Error) => void }[] = []
  const failures: unknown[] = []
  const queue = new CommitQueue(
    (offsets) =>
      new Promise((resolve, reject) =>
        requests.push({ offsets, end: (error) => (error === undefined ? resolve() : reject(error)) }),
      ),
    (error) => failures.push(error),
    everyMs,
  )
  return { queue, requests, failures }
}

/** Offsets of two partitions, of which one moves twice. */
const addThree = (queue: CommitQueue): Promise<void>[] => [queue.add(a, 2), queue.add(b, 7), queue.add(a, 3)]
const NEWEST_OF_THREE = [
  { ...a, offset: 3 },
  { ...b, offset: 7 },
]

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('CommitQueue', () => {
  it('sends one request at a time, with the newest offset of each partition', async () => {
    const { queue, requests } = harness()
    const first = queue.add(a, 1)
    await nextTurn()
    const later = addThree(queue)
    await nextTurn()
    assert.deepEqual(
      requests.map(({ offsets }) => offsets),
      [[{ ...a, offset: 1 }]],
    )
    requests[0]?.end()
    await first
    await nextTurn()
    assert.deepEqual(requests[1]?.offsets, NEWEST_OF_THREE)
    requests[1]?.end()
    await Promise.all(later)
    await queue.idle()
    assert.equal(requests.length, 2)
  })

  it('sends the first at once, and then waits for the interval, until what waits is asked for', async () => {
    const { queue, requests } = harness(3_600_000)
    void queue.add(a, 1)
    await nextTurn()
    requests[0]?.end()
    await nextTurn()
    const later = addThree(queue)
    await nextTurn()
    assert.equal(requests.length, 1)
    queue.flush()
    await nextTurn()
    assert.deepEqual(requests[1]?.offsets, NEWEST_OF_THREE)
    requests[1]?.end()
    await Promise.all(later)
    void queue.add(a, 4)
    await nextTurn()
    assert.equal(requests.length, 2)
    const idle = queue.idle()
    await nextTurn()
    assert.deepEqual(requests[2]?.offsets, [{ ...a, offset: 4 }])
    requests[2]?.end()
    await idle
  })

  it('sends what waits when the interval is over, and nothing when it was dropped meanwhile', async () => {
    const { queue, requests } = harness(20)
    const add = (): Promise<void> => queue.add(a, 1)
    void add()
    await nextTurn()
    requests[0]?.end()
    await nextTurn()
    void add()
    await until('the second request', () => requests.length === 2)
    requests[1]?.end()
    await nextTurn()
    void add()
    queue.drop(a)
    await queue.idle()
    assert.equal(requests.length, 2)
    void add()
    await until('the third request', () => requests.length === 3)
    requests[2]?.end()
  })

  it('reports a failure, gives the offsets up, and continues', async () => {
    const { queue, requests, failures } = harness()
    const failing = queue.add(a, 1)
    await nextTurn()
    requests[0]?.end(new Error('no coordinator'))
    await failing
    assert.equal(failures.length, 1)
    const next = queue.add(a, 2)
    await nextTurn()
    requests[1]?.end()
    await next
  })

  it('gives up what waits for a revoked partition', async () => {
    const { queue, requests } = harness()
    void queue.add(b, 1)
    await nextTurn()
    const waiting = queue.add(a, 1)
    queue.drop(a)
    await waiting
    requests[0]?.end()
    await queue.idle()
    assert.equal(requests.length, 1)
  })
})
