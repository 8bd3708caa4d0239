/** Keys, sizes, and the shapes of SQL: P88 to P99. */
import { randomBytes } from 'node:crypto'
import { column, fields, NOT_ENCODABLE, payload, ROWS, type PoisonInput } from './poison-input'

const loop: { self?: unknown } = {}
loop.self = loop

const NO_PAYLOAD = { ...ROWS }

export const KEYS: readonly PoisonInput[] = [
  column('P88', 'too long for varchar(5)', 'code', '"abcdef"', '22001'),
  // PostgreSQL's own rule for varchar; the payload keeps the blanks.
  // PostgreSQL would cut the blanks off in silence.
  column('P88', 'too long by blanks for varchar(5)', 'code', '"abc     "', 'VALUE_CHANGED'),
  column('P88', 'five characters of four bytes', 'code', '"\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}"', {
    row: '\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}',
  }),
  column('P89', 'no uuid', 'uid', '"not-a-uuid"', '22P02'),
  column('P89', 'a uuid with a digit missing', 'uid', '"00000000-0000-4000-8000-00000000000"', '22P02'),
  column('P89', 'a uuid in capitals and braces', 'uid', '"{6F9619FF-8B86-4011-B42D-00CF4FC964FF}"', {
    row: '6f9619ff-8b86-4011-b42d-00cf4fc964ff',
  }),
  fields(
    'P90',
    'a tenant too long for an index',
    { tenant: randomBytes(3_000).toString('hex') },
    {
      deadLetter: '54000',
    },
  ),
  fields(
    'P90',
    'a long tenant that can be compressed',
    { tenant: 't'.repeat(8_000) },
    {
      row: { tenant_id: 't'.repeat(8_000) },
    },
  ),
  ...[
    ['', ''],
    [null, null],
    [undefined, null],
    [42, '42'],
    [{ id: 1 }, '{"id":1}'],
    ['x'.repeat(10_000), 'x'.repeat(10_000)],
  ].map(([messageId, stored]) =>
    fields('P93', `the message id ${JSON.stringify(messageId)?.slice(0, 20)}`, { messageId } as never, {
      row: { message_id: stored as string | null },
    }),
  ),
  {
    id: 'P93',
    title: 'no message id where it is part of the key',
    stage: 'by key',
    record: { messageId: '' },
    end: { deadLetter: 'KEY_MISSING' },
  },
  ...payload('P95', 'an array of the flow', [1, 'a', null], ROWS, '[1,"a",null]'),
  ...payload('P96', 'text of the flow that is no JSON', 'abc', {
    ...ROWS,
    jsonb: 'JSON_INVALID',
    json: 'JSON_INVALID',
  }),
  ...payload('P97', 'a Buffer of the flow', Buffer.from('{"a":1}'), ROWS),
  ...payload('P97', 'bytes that are no Buffer', new Uint8Array([0x5b, 0x31, 0x5d]), ROWS),
  ...payload('P98', 'an object with itself inside', loop, NOT_ENCODABLE),
  ...payload('P98', 'an object that does not want to be JSON', { toJSON: refuse }, NOT_ENCODABLE),
  ...payload('P99', 'undefined', undefined, NO_PAYLOAD, null),
  ...payload('P99', 'null', null, NO_PAYLOAD, null),
  ...payload('P99', 'a function', () => 1, NOT_ENCODABLE),
  ...payload('P99', 'a symbol', Symbol('x'), NOT_ENCODABLE),
  ...payload('P99', 'undefined inside an object', { a: undefined, b: 1 }, ROWS, '{"b":1}'),
]

function refuse(): never {
  throw new Error('no')
}
