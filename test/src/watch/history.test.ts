import assert from 'node:assert/strict'
import { History } from '../../../src/watch/history'
import { until } from '../../support/until'

describe('the history', () => {
  let history: History | undefined
  afterEach(() => history?.stop())

  it('begins with the first reader, and gives each reader what is new', async () => {
    let count = 0
    let now = 1000
    history = new History(
      () => ({ a: ++count }),
      1,
      () => now++,
    )
    assert.equal(count, 0, 'nothing is counted before')
    assert.deepEqual(history.after(0), [{ atMs: 1000, passed: { a: 1 } }])
    await until('it has another tick', () => history!.after(1001).length > 0)
    const ticks = history.after(1000)
    assert.deepEqual(
      ticks.map(({ passed }) => passed.a),
      ticks.map((_tick, at) => at + 2),
    )
  })

  it('keeps ten minutes, ends some time after the last reader, and begins again with the next', async () => {
    let count = 0
    let now = 0
    history = new History(
      () => ({ a: ++count }),
      1,
      () => ++now,
    )
    history.after(0)
    const counted = (): number => count
    let before = -1
    await until(
      () => `it ends (it has counted ${count} times)`,
      () => {
        const ended = counted() > 100 && counted() === before
        before = counted()
        return ended
      },
      { pollMs: 50 },
    )
    const ended = counted()
    assert.deepEqual(history.after(0), [{ atMs: now, passed: { a: ended + 1 } }])
    for (let reads = 0; reads < 400; reads++) history.after(0)
    await until(
      'it has read more than it keeps',
      () => history!.after(0).length > 0 && counted() > ended + 200,
    )
    assert.equal(history.after(0).length, 121)
  })
})
