import assert from 'node:assert/strict'
import fc from 'fast-check'
import { gapsIn, gapsWithin, sizeOfGaps } from '../../../src/wire/offset-gaps'

describe('offsets that have no record', () => {
  it('are those between the ones that have', () => {
    assert.deepEqual(gapsIn(5, [7, 8, 12]), [
      { from: 5, to: 7 },
      { from: 9, to: 12 },
    ])
    assert.deepEqual(gapsIn(5, [5, 6]), [])
    assert.deepEqual(gapsIn(5, [3, 4, 5]), [], 'a batch that was fetched from its middle')
  })

  it('add up with the others, however the range is cut', () => {
    const offsets = fc.uniqueArray(fc.nat(200), { minLength: 1 }).map((all) => all.sort((a, b) => a - b))
    fc.assert(
      fc.property(offsets, fc.nat(220), (there, cut) => {
        const end = (there.at(-1) ?? 0) + 1
        const gaps = gapsIn(0, there)
        assert.equal(sizeOfGaps(gaps) + there.length, end)
        const parts = [gapsWithin(gaps, 0, cut), gapsWithin(gaps, cut, Infinity)]
        assert.equal(sizeOfGaps(parts.flat()), sizeOfGaps(gaps))
        const before = there.filter((offset) => offset < cut).length
        assert.equal(sizeOfGaps(parts[0] ?? []), Math.min(cut, end) - before)
      }),
    )
  })
})
