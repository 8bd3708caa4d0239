import assert from 'node:assert/strict'
import { Window } from '../../../../src/kafka/consume/window'

describe('Window', () => {
  it('gives its places in the order in which they were asked for', async () => {
    const window = new Window(1)
    const order: number[] = []
    await window.take()
    const waiting = [1, 2].map((n) => window.take().then(() => order.push(n)))
    window.release()
    await waiting[0]
    assert.deepEqual(order, [1])
    window.release()
    await waiting[1]
    assert.deepEqual(order, [1, 2])
    window.release()
    await window.take()
  })
})
