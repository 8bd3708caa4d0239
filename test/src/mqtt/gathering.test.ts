import assert from 'node:assert/strict'
import { Gathering, type FlushReason } from '../../../src/mqtt/gathering'
import { until } from '../../support/until'

function setUp(maxMessages: number, lingerMs: number) {
  const flushed: { count: number; reason: FlushReason }[] = []
  const window = { outstanding: 0, full: false }
  const gathering = new Gathering<number>({
    maxMessages,
    lingerMs,
    window: () => window,
    flush: (batch, reason) => flushed.push({ count: batch.length, reason }),
  })
  const add = (count: number): void => {
    for (let index = 0; index < count; index++) {
      window.outstanding++
      gathering.add(index)
    }
  }
  return { flushed, window, gathering, add }
}

const HOUR_MS = 3_600_000

describe('gathering', () => {
  it('flushes a full batch', () => {
    const { flushed, add, gathering } = setUp(10, HOUR_MS)
    add(25)
    gathering.clear()
    assert.deepEqual(flushed, [
      { count: 10, reason: 'size' },
      { count: 10, reason: 'size' },
    ])
  })

  it('flushes a part when its time is up', async () => {
    const { flushed, add } = setUp(10, 1)
    add(3)
    await until('it is flushed', () => flushed.length > 0)
    assert.deepEqual(flushed, [{ count: 3, reason: 'time' }])
  })

  it('flushes at once when our own window is full', () => {
    const { flushed, window, add } = setUp(10, HOUR_MS)
    add(2)
    window.full = true
    add(1)
    assert.deepEqual(flushed, [{ count: 3, reason: 'window' }])
  })

  it("learns the broker's window, and flushes when it is used up", async () => {
    const { flushed, window, add } = setUp(100, 1)
    add(20)
    await until('the broker sends no more', () => flushed.length === 1)
    window.outstanding = 0
    add(20)
    assert.deepEqual(flushed[1], { count: 20, reason: 'window' })
  })

  it('learns again when the broker sends more than that', async () => {
    const { flushed, add, gathering } = setUp(100, 1)
    add(2)
    await until('the broker sends no more', () => flushed.length === 1)
    add(5)
    gathering.clear()
    assert.equal(flushed.length, 1)
  })
})
