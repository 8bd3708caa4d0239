import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Histogram } from '../../bench/report/histogram'
import { median, medians, spread } from '../../bench/report/statistics'

describe('statistics of the benchmark', () => {
  it('takes the median of odd and even numbers of values, in any order', () => {
    assert.equal(median([3, 1, 2]), 2)
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([7]), 7)
    assert.ok(Number.isNaN(median([])))
    assert.equal(median([1, NaN, 3]), 2)
  })

  it('takes the median of each figure by itself, also when a round lacks it', () => {
    assert.deepEqual(medians([{ rate: 1, rss: 10 }, { rate: 3 }, { rate: 2, rss: 30 }]), { rate: 2, rss: 20 })
  })

  it('says how far the slowest is from the fastest', () => {
    assert.equal(spread([2, 3, 4]), 2)
    assert.ok(Number.isNaN(spread([])))
  })

  it('finds every percentile to one percent, over all values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 500 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (values, share) => {
          const histogram = new Histogram()
          for (const value of values) histogram.record(value)
          const exact = [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1]!
          assert.ok(Math.abs(histogram.percentile(share) / exact - 1) <= 0.011)
          assert.equal(histogram.size, values.length)
        },
      ),
    )
  })

  it('counts a value as often as it is said, and knows nothing of no values', () => {
    const histogram = new Histogram()
    assert.ok(Number.isNaN(histogram.percentiles().p999))
    histogram.record(1, 999)
    histogram.record(100)
    const { p50, p999 } = histogram.percentiles()
    assert.ok(Math.abs(p50 - 1) < 0.02 && Math.abs(p999 - 1) < 0.02)
    assert.ok(Math.abs(histogram.percentile(1) - 100) < 2)
  })
})
