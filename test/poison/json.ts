/** Shapes of JSON: P25 to P48. What is no JSON is a row of text and bytes all the same. */
import { ACCEPTED, REFUSED } from './json-texts'
import { column, NO_JSON, payload, ROWS, type PoisonInput } from './poison-input'

const nested = (open: string, close: string, depth: number): string =>
  open.repeat(depth) + close.repeat(depth)
/** PostgreSQL's parser needs a stack of its own, whose limit it knows. */
const TOO_DEEP = { ...ROWS, jsonb: '54001', json: '54001' }
const keys = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":${index}`).join(',')}}`

export const JSON_SHAPES: readonly PoisonInput[] = [
  ...payload('P25', 'two documents', '{"a":1}{"b":2}', NO_JSON),
  ...payload('P25', 'two lines of JSON', '{"a":1}\n{"b":2}', NO_JSON),
  ...payload('P26', 'a comma too many in an object', '{"a":1,}', NO_JSON),
  ...payload('P26', 'a comma too many in an array', '[1,]', NO_JSON),
  ...payload('P27', 'single quotes', "{'a':1}", NO_JSON),
  ...payload('P28', 'a comment', '{"a":1/* one */}', NO_JSON),
  ...payload('P29', 'a string without an end', '{"a":"x', NO_JSON),
  ...payload('P30', 'an escape of another language', '{"a":"\\x41"}', NO_JSON),
  ...payload('P31', 'a string', '"x"', ROWS),
  ...payload('P31', 'a number', '42', ROWS),
  ...payload('P31', 'a boolean', 'true', ROWS),
  ...payload('P32', 'null', 'null', ROWS),
  ...payload('P33', 'an empty array', '[]', ROWS),
  ...payload('P34', 'a key twice', '{"a":1,"a":2}', ROWS),
  column('P34', 'a key twice, in a column', 'part', '{"a":1,"a":2}', { row: '{"a": 2}' }),
  ...payload('P35', '__proto__', '{"__proto__":{"polluted":true}}', ROWS),
  column('P35', '__proto__ in a column', 'part', '{"__proto__":{"polluted":true}}', {
    row: '{"__proto__": {"polluted": true}}',
  }),
  ...payload('P36', 'constructor.prototype', '{"constructor":{"prototype":{"polluted":true}}}', ROWS),
  ...payload('P37', '1,000 brackets', nested('[', ']', 1_000), ROWS),
  ...payload('P38', '6,000 brackets', nested('[', ']', 6_000), ROWS),
  column('P38', '6,000 brackets in a column', 'label', nested('[', ']', 6_000), {
    row: nested('[', ']', 6_000),
  }),
  ...payload('P39', '10,000 brackets', nested('[', ']', 10_000), ROWS),
  ...payload('P40', '100,000 brackets', nested('[', ']', 100_000), TOO_DEEP),
  ...payload('P41', '1,000,000 brackets', nested('[', ']', 1_000_000), TOO_DEEP),
  ...payload('P42', '5,000 objects', `${nested('{"a":', '}', 5_000).replace(':}', ':1}')}`, ROWS),
  ...payload('P43', '100,000 keys', keys(100_000), ROWS),
  ...payload('P44', 'a string of 1 MiB', JSON.stringify('x'.repeat(2 ** 20)), ROWS),
  ...ACCEPTED.flatMap((text) => payload('P46', `JSON: ${JSON.stringify(text)}`, text, ROWS)),
  ...REFUSED.flatMap((text) => payload('P46', `no JSON: ${JSON.stringify(text)}`, text, NO_JSON)),
  ...payload('P47', 'a key of 64 KB', JSON.stringify({ ['k'.repeat(65_536)]: 1 }), ROWS),
  // 50 MB of them take PostgreSQL more memory than a test may ask for; the way is the same.
  ...payload('P48', '1,000,000 zeros', `[${'0,'.repeat(999_999)}0]`, ROWS),
]
