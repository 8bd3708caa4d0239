import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SizedQueue } from '../../../src/batching/sized-queue'

describe('a queue that is written in groups', () => {
  it('hands over all, in order, in groups that fit and could not be larger, except for a first entry', () => {
    const entry = fc.record({ count: fc.nat({ max: 20 }), bytes: fc.nat({ max: 200 }) })
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const [maxCount, maxBytes] = [10, 100]
        const sum = (of: readonly { readonly count: number; readonly bytes: number }[]) => ({
          count: of.reduce((total, { count }) => total + count, 0),
          bytes: of.reduce((total, { bytes }) => total + bytes, 0),
        })
        const fit = (of: typeof entries): boolean => sum(of).count <= maxCount && sum(of).bytes <= maxBytes

        const queue = new SizedQueue<(typeof entries)[number]>()
        for (const each of entries) queue.add(each)
        let left = entries
        while (!queue.isEmpty) {
          assert.deepEqual({ count: queue.count, bytes: queue.bytes }, sum(left))
          const group = queue.take(maxCount, maxBytes)
          assert.deepEqual(group, left.slice(0, group.length))
          assert.ok(group.length === 1 || fit(group), 'too large')
          assert.ok(group.length === left.length || !fit(left.slice(0, group.length + 1)), 'too small')
          left = left.slice(group.length)
        }
        assert.deepEqual([left, queue.count, queue.bytes], [[], 0, 0])
      }),
    )
  })

  it('has nothing to hand over when it is empty', () => {
    assert.deepEqual(new SizedQueue().take(1, 1), [])
  })
})
