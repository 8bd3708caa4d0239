import assert from 'node:assert/strict'
import { tableOf, type TableRow } from './table'

const findings = {
  acknowledged: 10,
  found: 9,
  missing: ['a-1'],
  invented: [],
  altered: [],
  wrongTenant: [],
  repeated: 2,
  disordered: [],
  disorderedOnArrival: [],
  recoveryMs: 1234,
}
const row = (id: string, change: Partial<TableRow> = {}): TableRow => ({
  id,
  title: `what ${id} does`,
  seed: 7,
  findings,
  ...change,
})

describe('the table of the fault tests', () => {
  it('is in the order of the matrix', () => {
    const lines = tableOf(['K2', 'M10', 'F1', 'M2', 'F12'].map((id) => row(id))).split('\n')
    assert.deepEqual(
      lines.slice(2).map((line) => line.split(' | ')[0]),
      ['| F1', '| F12', '| M2', '| M10', '| K2'],
    )
  })

  it('separates a loss that was reported from one that was not', () => {
    assert.match(tableOf([row('F1')]), /\| F1 \| what F1 does \| 7 \| 10 \| 9 \| 1 \| 2 \| 1\.2 \|  \|  \|/)
    assert.match(tableOf([row('M2', { reportedLoss: true })]), /\| 1 \(reported\) \|/)
  })

  it('has both times of a recovery when PostgreSQL takes part', () => {
    const none = { deadLetters: 0, missing: [], repeated: [], invented: [], altered: [], wrongTenant: [] }
    const rows = { rows: 9, ...none, recoveryMs: 2345 }
    assert.match(tableOf([row('F1', { rows })]), /\| 1\.2 \| 2\.3 \| 9 \|/)
  })
})
