import assert from 'node:assert/strict'
import { EmptyColumns } from '../../../../src/postgres/rows/empty-columns'

describe('columns without a value', () => {
  it('are named once, after 1,000 rows, if no row has had one', () => {
    const columns = new EmptyColumns()
    assert.deepEqual(columns.note(999, ['a', 'b', 'c']), [])
    assert.deepEqual(columns.note(1, ['a', 'c']), ['a', 'c'])
    assert.deepEqual(columns.note(5000, ['a', 'c']), [])
  })

  it('are not named when each has had one', () => {
    const columns = new EmptyColumns()
    assert.deepEqual(
      [columns.note(600, ['a']), columns.note(600, ['b']), columns.note(600, ['a', 'b'])],
      [[], [], []],
    )
  })
})
