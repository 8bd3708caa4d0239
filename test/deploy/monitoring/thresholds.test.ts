import assert from 'node:assert/strict'
import { withoutThresholds } from '../../support/promql'

describe('a condition without its thresholds', () => {
  for (const [condition, without] of [
    ['up == 0', ['up']],
    ['1 - a / b > 0.8', ['1 - a / b']],
    ['up == 0 or absent(up{job="x"})', ['up', 'up{job="x"}']],
    ['a == 0 and on (job, node) b == 0', ['(a) and on (job, node) (b)']],
    [
      'increase(a[5m]) > 0 or b > 0 and on (job) time() - c < 900',
      ['increase(a[5m])', '(b) and on (job) (time() - c)'],
    ],
    ['a == 0 and (b > 0 or c > 0)', ['(a) and (b)', '(a) and (c)']],
    ['max(a) by (b) > c offset 5m unless (d != 1)', ['(max(a) by (b)) and (c)', 'd']],
    ['sum(max_over_time(a[10m] offset 11m) + 1) >= 2', ['sum(max_over_time(a[10m]) + 1)']],
    ['a / (b > 0)', ['a / (b > 0)']],
  ] as const) {
    it(condition, () => assert.deepEqual(withoutThresholds(condition), without))
  }

  it('is refused where it is no PromQL', () => {
    assert.throws(() => withoutThresholds('sum(a'), /no PromQL/)
  })
})
