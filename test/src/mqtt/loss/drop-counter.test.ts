import assert from 'node:assert/strict'
import { DropCounter } from '../../../../src/mqtt/loss/drop-counter'

describe("the broker's count of dropped messages", () => {
  function after(...values: number[]): DropCounter {
    const counter = new DropCounter()
    for (const value of values) counter.next(value)
    return counter
  }

  it('reports what has been added', () => {
    assert.deepEqual(after(0).next(5), { count: 5, earlier: false })
    assert.deepEqual(after(5).next(12), { count: 7, earlier: false })
  })

  it('reports nothing when the count stays', () => {
    assert.equal(after(5).next(5), undefined)
    assert.equal(after().next(0), undefined)
  })

  it('reports first what was dropped before', () => {
    assert.deepEqual(after().next(400), { count: 400, earlier: true })
  })

  it('begins again when the broker does', () => {
    assert.deepEqual(after(400).next(3), { count: 3, earlier: false })
    assert.equal(after(400).next(0), undefined)
  })
})
