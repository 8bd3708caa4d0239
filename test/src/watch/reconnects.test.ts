import assert from 'node:assert/strict'
import { Reconnects } from '../../../src/watch/reconnects'

describe('reconnects', () => {
  it('are counted once an outage is over, and neither the first connection nor the time without it', () => {
    const reconnects = new Reconnects()
    const seen = [false, true, true, false, false, true, false, true].map((isReached) => {
      reconnects.observe(isReached)
      return reconnects.count
    })
    assert.deepEqual(seen, [0, 0, 0, 0, 0, 1, 1, 2])
  })
})
