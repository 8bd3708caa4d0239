import assert from 'node:assert/strict'
import { losesRowsAfterConflict } from '../../../../src/postgres/table/conflict-loss'

describe('the versions of TimescaleDB that lose rows by key', () => {
  for (const [version, loses] of [
    ['1.7.4', false],
    ['2.16.1', false],
    ['2.17.0', true],
    ['2.17.2', true],
    ['2.17', true],
    ['2.18.0', true],
    ['2.18.0-dev', true],
    ['2.18.1', false],
    ['2.18.2', false],
    ['2.19.0', false],
    ['2.28.3', false],
    ['2.170.0', false],
    ['3.17.0', false],
    ['', false],
  ] as const) {
    it(`${version || 'nothing'}: ${loses ? 'yes' : 'no'}`, () =>
      assert.equal(losesRowsAfterConflict(version), loses))
  }
})
