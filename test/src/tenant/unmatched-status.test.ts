import assert from 'node:assert/strict'
import { unmatchedStatus } from '../../../src/tenant/unmatched-status'

describe('the status of messages that match no pattern', () => {
  it('is a warning for a minute, and then only their number', () => {
    assert.deepEqual(unmatchedStatus(0, 0), {})
    const fills = [0, 59_000, 60_000].map((agoMs) => unmatchedStatus(2, agoMs).fill)
    assert.deepEqual(fills, ['yellow', 'yellow', 'grey'])
  })
})
