import assert from 'node:assert/strict'
import { countOf } from './count'

describe('the options of the fault tests that say how often', () => {
  it('take a whole number from 1 on', () => {
    assert.deepEqual(
      ['1', '1000'].map((given) => countOf('kills', given)),
      [1, 1000],
    )
  })

  for (const given of ['x', '0', '-1', '1.5', '', '1e3', '9'.repeat(20)]) {
    it(`refuse "${given}" with a sentence`, () => {
      assert.throws(() => countOf('kills', given), /^Error: --kills .*: say how many with a whole number/)
    })
  }
})
