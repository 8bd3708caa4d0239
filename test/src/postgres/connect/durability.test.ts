import assert from 'node:assert/strict'
import { durabilityWarnings } from '../../../../src/postgres/connect/durability'

const safe = { fsync: true, fullPageWrites: true, synchronousCommit: 'on', standbys: 1 }

describe('what a PostgreSQL server can lose by its settings', () => {
  it('is nothing as it comes', () => assert.deepEqual(durabilityWarnings(safe), []))

  for (const [change, setting] of [
    [{ fsync: false }, /^fsync is off/],
    [{ fullPageWrites: false }, /^full_page_writes is off/],
    [{ synchronousCommit: 'off' }, /^synchronous_commit is off/],
    [{ synchronousCommit: 'local' }, /^synchronous_commit is local/],
  ] as const) {
    it(`is said of ${JSON.stringify(change)}`, () => {
      const [warning, ...others] = durabilityWarnings({ ...safe, ...change })
      assert.match(String(warning), setting)
      assert.deepEqual(others, [])
    })
  }

  it('does not depend on synchronous_commit without a standby: the nodes switch it on for themselves', () =>
    assert.deepEqual(durabilityWarnings({ ...safe, synchronousCommit: 'off', standbys: 0 }), []))
})
