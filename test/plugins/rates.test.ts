import assert from 'node:assert/strict'
import { chartData, Rates } from '../../plugins/tenant-pipeline/editor/rates'

const seen = (passed: Readonly<Record<string, number>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(passed))

describe('rates in the sidebar', () => {
  it('are those of the last three seconds, from the second look on', () => {
    const rates = new Rates()
    rates.look(0, seen({ a: 0 }))
    assert.equal(rates.of('a'), undefined)
    for (const [second, count] of [10, 30, 60, 160, 260].entries())
      rates.look((second + 1) * 1000, seen({ a: count }))
    assert.equal(rates.of('a'), (260 - 30) / 3)
    assert.equal(rates.of('b'), undefined)
  })

  it('begin again after a pause, with another clock, and with a node that was deployed again', () => {
    const rates = new Rates()
    rates.look(0, seen({ a: 0 }))
    rates.look(60_000, seen({ a: 6_000 }))
    assert.equal(rates.of('a'), undefined, 'not the mean of a minute')
    rates.look(61_000, seen({ a: 50, b: 1 }))
    assert.equal(rates.of('a'), 50, 'it counts from 0')
    assert.equal(rates.of('b'), undefined)
    rates.look(500, seen({ a: 0 }))
    rates.look(1_500, seen({ a: 7 }))
    assert.equal(rates.of('a'), 7)
  })

  it('of the chart are those between two ticks, of all nodes of a line, with a gap where nothing was counted', () => {
    const ticks = [
      { atMs: 0, passed: { a: 0, b: 10 } },
      { atMs: 5_000, passed: { a: 50, b: 20, c: 1 } },
      { atMs: 10_000, passed: { a: 10, b: 20, c: 6 } },
      { atMs: 40_000, passed: { a: 20, b: 20, c: 6 } },
    ]
    assert.deepEqual(chartData(ticks, [new Set(['a', 'b']), new Set(['c']), new Set()], 5_000), [
      [5, 10, 40],
      [12, 2, null],
      [null, 1, null],
      [null, null, null],
    ])
    assert.deepEqual(chartData([], [new Set(['a'])], 5_000), [[], []])
  })
})
