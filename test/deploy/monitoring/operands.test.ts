import assert from 'node:assert/strict'
import { operandsOf } from '../../support/promql'

describe('the operands of a condition', () => {
  for (const [expression, operands] of [
    ['up == 0', ['up']],
    ['1 - a / b > 0.8', ['1 - a / b']],
    ['up == 0 or absent(up{job="x"})', ['up', 'up{job="x"}']],
    ['increase(a[5m]) > 0 or b > 0 and on (job) time() - c < 900', ['increase(a[5m])', 'b', 'time() - c']],
    ['max(a) by (b) > c offset 5m unless (d != 1)', ['max(a) by (b)', 'c', 'd']],
    ['sum(max_over_time(a[10m] offset 11m) + 1) >= 2', ['sum(max_over_time(a[10m]) + 1)']],
    ['a / (b > 0)', ['a / (b > 0)']],
  ] as const) {
    it(expression, () => assert.deepEqual(operandsOf(expression), operands))
  }

  it('are refused where it is no PromQL', () => {
    assert.throws(() => operandsOf('sum(a'), /no PromQL/)
  })
})
