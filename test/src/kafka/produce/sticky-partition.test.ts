import assert from 'node:assert/strict'
import { StickyPartition } from '../../../../src/kafka/produce/sticky-partition'

describe('sticky partition', () => {
  it('stays at a partition until a batch went there, and then takes the next', () => {
    const sticky = new StickyPartition(0)
    const chosen = Array.from({ length: 12 }, () => sticky.next(16_384, 3))
    assert.deepEqual(chosen, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
  })

  it('follows when the number of partitions changes', () => {
    const sticky = new StickyPartition(5)
    assert.equal(sticky.next(1, 3), 2)
    assert.equal(sticky.next(1, 1), 0)
  })
})
