import assert from 'node:assert/strict'
import { asDatabaseError, type DatabaseError } from '../../../../src/postgres/connect/database-error'
import { NewestRow } from '../../../../src/postgres/refusals/newest-row'
import { DAY_MS } from '../../../../src/postgres/rows/record-time'
import type { RowTarget } from '../../../../src/postgres/write/row-target'

const NOW = 20_000 * DAY_MS
const HOUR_MS = DAY_MS / 24
const TARGET = {
  table: { schema: 'public', table: 'readings' },
  mapping: { columns: [{ name: 'at', source: { kind: 'time' }, type: 'timestamptz' }] },
} as unknown as RowTarget

const missing = (key = 'at', table = 'readings'): DatabaseError =>
  asDatabaseError(
    {
      ...{ code: '23514', severity: 'ERROR', routine: 'ExecFindPartition', table },
      message: `no partition of relation "${table}" found for row`,
      detail: `Partition key of the failing row contains (${key}) = (x).`,
    },
    'writing',
  )

describe('a row without a partition', () => {
  const cases: [title: string, isTable: boolean, agoMs: number, error: DatabaseError, passed: number[]][] = [
    ['of now, beside late rows', true, 0, missing(), [30 * HOUR_MS]],
    ['of now, alone', true, 0, missing(), []],
    ['of now, beside one of tomorrow', true, 0, missing(), [-20 * HOUR_MS]],
    ['of hours ago, beside newer ones', false, 20 * HOUR_MS, missing(), [HOUR_MS]],
    ['of two days ago', false, 48 * HOUR_MS, missing(), []],
    ['of tomorrow', false, -20 * HOUR_MS, missing(), []],
    ['of now, for its tenant', false, 0, missing('tenant_id'), []],
    ['of now, in the partition of its tenant', false, 0, missing('at', 'acme'), []],
  ]
  for (const [title, isTable, agoMs, error, passed] of cases) {
    it(`${title}: ${isTable ? 'the table' : 'the row'} is at fault`, () => {
      const times = passed.map((ms) => NOW - ms)
      const homeless = [{ timeMs: NOW - agoMs, error }]
      const inBatch = new NewestRow().faultOfTable(TARGET, homeless, times, NOW)
      const before = new NewestRow()
      before.note(times, NOW)
      const lately = before.faultOfTable(TARGET, homeless, [], NOW)
      assert.deepEqual([inBatch, lately], isTable ? [error, error] : [undefined, undefined])
    })
  }
})
