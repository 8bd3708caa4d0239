import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
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

  it('waits no longer than a few milliseconds when much has come', async () => {
    const { flushed, add } = setUp(100, HOUR_MS)
    add(10)
    await until('it is flushed', () => flushed.length > 0)
    assert.deepEqual(flushed, [{ count: 10, reason: 'time' }])
  })

  it('gathers few messages for the whole time', async () => {
    const { flushed, add, gathering } = setUp(100, HOUR_MS)
    add(9)
    await sleep(20)
    gathering.clear()
    assert.deepEqual(flushed, [])
  })

  for (const lingerMs of [1, 10]) {
    describe(`with a linger time of ${lingerMs} ms`, () => {
      it("learns the broker's window from two batches, and flushes when it is used up", async () => {
        const { flushed, window, add } = setUp(100, lingerMs)
        for (const batch of [1, 2]) {
          window.outstanding = 0
          add(8)
          await until('the broker sends no more', () => flushed.length === batch)
        }
        window.outstanding = 0
        add(8)
        assert.deepEqual(flushed[2], { count: 8, reason: 'window' })
      })

      it('learns again when the broker sends more than that', async () => {
        const { flushed, window, add, gathering } = setUp(100, lingerMs)
        for (const batch of [1, 2]) {
          window.outstanding = 0
          add(2)
          await until('the broker sends no more', () => flushed.length === batch)
        }
        add(5)
        gathering.clear()
        assert.equal(flushed.length, 2)
      })

      it('sends each message at once when few come, and looks from time to time whether they are more by now', async () => {
        const { flushed, window, add } = setUp(100, lingerMs)
        for (let batch = 1; batch <= 102; batch++) {
          window.outstanding = 0
          add(1)
          await until('it is flushed', () => flushed.length === batch)
        }
        const waited = flushed.flatMap(({ reason }, index) => (reason === 'time' ? [index] : []))
        assert.deepEqual(waited, [0, 1, 101])
      })
    })
  }

  it('learns no window while messages are still coming', async () => {
    const { flushed, window, add, gathering } = setUp(100, 10)
    for (const batch of [1, 2, 3]) {
      window.outstanding = 0
      add(1)
      // After the first look, before the end.
      setTimeout(() => add(1), 7)
      await until('the batch goes out', () => flushed.length === batch)
    }
    gathering.clear()
    assert.ok(flushed.every(({ reason }) => reason === 'time'))
  })
})
