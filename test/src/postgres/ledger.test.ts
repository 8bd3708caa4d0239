import assert from 'node:assert/strict'
import { planRange } from '../../../src/postgres/ledger'

describe('the ledger', () => {
  const range = { firstOffset: 10, nextOffset: 20 }
  for (const [position, plan] of [
    [undefined, { write: 'all' }],
    [0, { write: 'all' }],
    [10, { write: 'all' }],
    [11, { write: 'from', offset: 11 }],
    [19, { write: 'from', offset: 19 }],
    [20, { write: 'nothing' }],
    [99, { write: 'nothing' }],
  ] as const) {
    it(`at position ${position} has of the offsets 10 to 19 ${plan.write} to write`, () =>
      assert.deepEqual(planRange(position, range), plan))
  }
})
