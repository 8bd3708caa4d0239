/** The dialog takes the column mappings that the node takes, and no others. */
import assert from 'node:assert/strict'
import { readColumns } from '../../src/postgres/rows/columns'
import { editorAccepts, editorDefinition } from '../support/package'

function nodeAccepts(json: string): boolean {
  try {
    readColumns(json, 'jsonb')
    return true
  } catch {
    return false
  }
}

const NAMES = ['a', '_A9', '9a', '', ' a', 'a"b', 'a'.repeat(63), 'a'.repeat(64), 1, null, undefined]
const SOURCES = [
  ...['time', 'timeSource', 'payload', 'payload.values.0', 'kafka.headers.content-type', ' ', 'a b', 'ä'],
  // What a record has, and what none can have.
  ...[
    'device',
    'levels.site',
    'levels.site.x',
    'userProperties.a.0',
    'userProperties.a.0.x',
    'tenant.x',
    'topic.0',
  ],
  ...[
    'kafka',
    'kafka.offset',
    'kafka.offset.x',
    'kafka.of',
    'kafka.headers.a.0',
    'kafka.headers.a.0.b',
    'kafka.key.id',
  ],
  ...[
    'deadLetter.id',
    'deadLetter.x',
    'error.code',
    'paylod.x',
    'site',
    'msg.site',
    'msg',
    'msg.',
    'msg.payload.x',
  ],
  ...['msg.tenant.x', 'msg.msg', 'toString', 'hasOwnProperty.x', 'msg.__proto__', 'kafka.toString'],
  ...[
    '',
    '.',
    'payload.',
    '.x',
    'payload..x',
    '__proto__.x',
    'x.constructor',
    'x.prototype',
    1,
    null,
    undefined,
  ],
]
const TYPES = [
  ...['text', 'double precision', 'numeric(10, 2) not null', 'varchar(20)', 'bigint not null', undefined],
  ...['', 'TEXT', 'int); drop table x; --', 'text[]', 'numeric(10,  2)', 'a'.repeat(42), 1, null],
]
const LISTS = [
  ...NAMES.map((column) => [{ column, from: 'time' }]),
  ...SOURCES.map((from) => [{ column: 'a', from }]),
  ...TYPES.map((type) => [{ column: 'a', from: 'time', type }]),
  [
    { column: 'a', from: 'time' },
    { column: 'b', from: 'topic', more: [1] },
  ],
  [
    { column: 'a', from: 'time' },
    { column: 'a', from: 'topic' },
  ],
  [
    { column: 'a', from: 'time' },
    { column: 'A', from: 'topic' },
  ],
  ...[[], [null], [1], [[]], ['a'], {}, null, 1, 'text'],
]
const TEXTS = [
  ...LISTS.map((list) => JSON.stringify(list)),
  '',
  ' ',
  '[',
  ' [{"column":"a","from":"topic"}]\n',
  'null,',
]

describe('the columns in dialog and node', () => {
  const definition = editorDefinition('tenant-postgres-sink')
  for (const text of TEXTS) {
    it(`${nodeAccepts(text) ? 'can' : 'cannot'} be ${JSON.stringify(text)}`, () =>
      assert.equal(editorAccepts(definition, 'columns', text), nodeAccepts(text)))
  }

  it('can be the list itself, in a flow file that was written by hand', () =>
    assert.ok(editorAccepts(definition, 'columns', [{ column: 'a', from: 'topic' }])))

  it('are named in an error only when the name can be no HTML, which the editor would show', () => {
    const node = { _: (key: string, values?: object) => key + JSON.stringify(values ?? '') }
    const said = (column: string): unknown =>
      definition.defaults['columns']!.validate!.call(node, JSON.stringify([{ column, from: '' }]), {})
    assert.match(String(said('degrees')), /namedRow.*"name":"degrees"/)
    assert.doesNotMatch(String(said('<img src=x onerror=alert(1)>')), /</)
  })
})
