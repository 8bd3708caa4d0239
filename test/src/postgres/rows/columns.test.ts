import assert from 'node:assert/strict'
import { defaultColumns, readColumns } from '../../../../src/postgres/rows/columns'

const one = (entry: object): string => JSON.stringify([entry])

describe('the column mapping', () => {
  it('is the default when it is empty', () => {
    assert.deepEqual(readColumns(' ', 'text'), defaultColumns('text'))
  })

  it('reads time, payload and paths', () => {
    const json = JSON.stringify([
      { column: 'at', from: 'time' },
      { column: 'body', from: 'payload' },
      { column: 'degrees', from: 'payload.values.0', type: 'numeric(10, 2) not null' },
    ])
    assert.deepEqual(readColumns(json, 'json'), [
      { name: 'at', source: { kind: 'time' }, type: 'timestamptz not null' },
      { name: 'body', source: { kind: 'payload' }, type: 'json' },
      {
        name: 'degrees',
        source: { kind: 'property', path: ['payload', 'values', '0'] },
        type: 'numeric(10, 2) not null',
      },
    ])
  })

  it('reads a property that the flow sets, when it is said to be one', () => {
    const [column] = readColumns(one({ column: 'site', from: 'msg.site.name' }), 'json')
    assert.deepEqual(column?.source, { kind: 'property', path: ['site', 'name'] })
  })

  for (const [what, json] of [
    ['no JSON', '['],
    ['no list', '{}'],
    ['an empty list', '[]'],
    ['a name with a quote', one({ column: 'a"b', from: 'time' })],
    ['no source', one({ column: 'a' })],
    ['a path into a prototype', one({ column: 'a', from: '__proto__.x' })],
    ['a property that no record has', one({ column: 'a', from: 'paylod.x' })],
    ['a part of what has none', one({ column: 'a', from: 'kafka.key.id' })],
    ['an empty step', one({ column: 'a', from: 'payload..x' })],
    ['SQL in a type', one({ column: 'a', from: 'time', type: 'int); drop table x; --' })],
    ['one column twice', '[{"column":"a","from":"time"},{"column":"a","from":"topic"}]'],
  ] as const) {
    it(`is refused when it has ${what}`, () =>
      assert.throws(() => readColumns(json, 'jsonb'), { code: 'CONFIG_INVALID' }))
  }
})
