import assert from 'node:assert/strict'
import { columnType } from '../../../../src/postgres/rows/column-family'
import type { Column, PropertyPath } from '../../../../src/postgres/rows/columns'
import { encodeRows } from '../../../../src/postgres/rows/row-encoder'
import type { WireRecord } from '../../../../src/wire/message'

const PATHS: readonly PropertyPath[] = [
  ['tenant'],
  ['project'],
  ['device'],
  ['messageId'],
  ['topic'],
  ['kafka', 'key'],
  ['levels', 'line'],
]

/** The row of one value at a path, or the reason why there is none. */
function rowOf(path: PropertyPath, value: unknown, type = 'text'): string {
  const column: Column = { name: 'c', source: { kind: 'property', path }, type }
  const [first, second] = path
  const record = { [first]: second === undefined ? value : { [second]: value } } as WireRecord
  const { copy, rejected } = encodeRows(
    {
      columns: [column],
      types: new Map([['c', columnType([{ name: type, kind: 'b', array: false, modifier: -1 }])]]),
      payloadType: 'jsonb',
      timeProperty: undefined,
      bounds: { pastDays: 31, futureDays: 1 },
      boundTime: false,
      keeping: undefined,
      key: [],
    },
    [record],
    0,
  )
  return rejected[0]?.reason.code ?? copy.slice(0, 1).toString().trimEnd()
}

describe('a name, a key or an id of a record', () => {
  for (const path of PATHS) {
    it(`from ${path.join('.')} keeps its digits and its bytes, or the record is rejected`, () => {
      for (const value of ['9007199254740993', '007', 9007199254740991, 0, 9007199254740993n])
        assert.equal(rowOf(path, value), String(value))
      for (const value of [2 ** 53, 12345678901234567890, NaN, -0, 1e21])
        assert.equal(rowOf(path, value), 'VALUE_CHANGED', String(value))
      assert.equal(rowOf(path, Buffer.from('acmé')), 'acmé')
      assert.equal(rowOf(path, Buffer.from([0x61, 0xe9])), 'UTF8_INVALID')
      assert.equal(rowOf(path, Buffer.from([0x61, 0xe9]), 'bytea'), '\\\\x61e9')
    })
  }

  it('is distinct from any other number, which a column takes as it is', () => {
    assert.equal(rowOf(['reading'], 1e21, 'float8'), '1e+21')
    assert.equal(rowOf(['reading'], 21.5), '21.5')
  })
})
