/** Numbers, as the payload has them and as columns take them: P49 to P69. */
import { column, madeByFlow, NO_JSON, NOT_ENCODABLE, payload, ROWS, type PoisonInput } from './poison-input'

/** More than a `numeric`, and so a `jsonb`, can hold. */
const TOO_LARGE = { ...ROWS, jsonb: '22003' }

export const NUMBERS: readonly PoisonInput[] = [
  ...payload('P49', 'more than a double can hold', '{"v":1e400}', ROWS),
  column('P49', 'more than a double can hold, for float8', 'float8', '1e400', '22003'),
  column('P49', 'more than a double can hold, for numeric', 'big', '1e30', { row: `1${'0'.repeat(30)}` }),
  column('P49', 'more than a double can hold, inside a part', 'part', '{"v":1e310}', {
    row: `{"v": 1${'0'.repeat(310)}}`,
  }),
  ...payload('P50', 'less than a double can hold', '{"v":-1e400}', ROWS),
  column('P50', 'less than a double can hold, for float8', 'float8', '-1e400', '22003'),
  ...payload('P51', 'nearer to zero than a double can be', '{"v":1e-400}', ROWS),
  ...payload('P52', 'one digit more than numeric has', '1e131072', TOO_LARGE),
  ...payload('P52', 'all the digits that numeric has', '1e131071', ROWS),
  ...payload('P53', 'a million digits in nine characters', '1e1000000', TOO_LARGE),
  ...payload('P53', 'a million digits behind the point', '1e-1000000', TOO_LARGE),
  ...['NaN', 'Infinity', '-Infinity'].flatMap((token) =>
    payload('P54', `${token}, which JSON does not have`, `{"v":${token}}`, NO_JSON),
  ),
  ...payload('P55', '2^53 + 1', '{"v":9007199254740993}', ROWS),
  column('P55', '2^53 + 1, for int8', 'int8', '9007199254740993', { row: '9007199254740993' }),
  column('P55', '2^53 + 1, inside a part', 'part', '[9007199254740993]', { row: '[9007199254740993]' }),
  ...payload('P56', 'the largest uint64', '{"v":18446744073709551615}', ROWS),
  column('P56', 'the largest uint64, for numeric', 'big', '18446744073709551615', {
    row: '18446744073709551615',
  }),
  ...payload('P57', '30 digits', '{"v":123456789012345678901234567890}', ROWS),
  column('P57', '30 digits, for numeric', 'big', '123456789012345678901234567890', {
    row: '123456789012345678901234567890',
  }),
  column('P57', '20 digits behind the point, for text', 'label', '0.12345678901234567890', {
    row: '0.12345678901234567890',
  }),
  ...payload('P58', 'minus zero', '{"v":-0}', ROWS),
  // As JavaScript writes it; the sign of zero is kept where the payload is.
  column('P58', 'minus zero, for float8', 'float8', '-0', { row: '-0' }),
  ...['01', '+1', '.5', '1.', '0x10'].flatMap((token) =>
    payload('P59', `${token}, which is no JSON number`, `{"v":${token}}`, NO_JSON),
  ),
  column('P60', 'too large for float8', 'float8', '1.8e308', '22003'),
  // PostgreSQL would refuse the text 1e-400. A reading of zero is what every other program makes of it.
  column('P60', 'too near to zero for float8', 'float8', '1e-400', '22003'),
  column('P61', 'a decimal comma', 'float8', '"1,5"', '22P02'),
  column('P61', 'no text for a number', 'float8', '""', '22P02'),
  column('P61', 'a boolean for a number', 'float8', 'true', '22P02'),
  column('P61', 'an object for a number', 'float8', '{}', '22P02'),
  column('P61', 'an array for a number', 'int4', '[1]', '22P02'),
  column('P61', 'null for a number', 'float8', 'null', { row: null }),
  // A device that spells out NaN means it, and float8 has it.
  column('P62', 'NaN as text, for float8', 'float8', '"NaN"', { row: 'NaN' }),
  column('P62', 'Infinity as text, for float8', 'float8', '"-Infinity"', { row: '-Infinity' }),
  column('P62', 'NaN as text, for int4', 'int4', '"NaN"', '22P02'),
  madeByFlow('P62', 'NaN of the flow, for float8', 'float8', NaN, { row: 'NaN' }),
  madeByFlow('P62', 'NaN of the flow, for int8', 'int8', NaN, '22P02'),
  column('P63', 'one too many for int4', 'int4', '2147483648', '22003'),
  column('P63', 'the largest int4', 'int4', '2147483647', { row: '2147483647' }),
  column('P64', 'a fraction for int4', 'int4', '1.5', '22P02'),
  column('P64', 'a whole number with a point for int4', 'int4', '2.0', { row: '2' }),
  column('P64', 'zero with a point for int4', 'int4', '0.0', { row: '0' }),
  column(
    'P64',
    'a whole number only when it is rounded, for int4',
    'int4',
    '0.99999999999999999999',
    '22P02',
  ),
  column('P65', 'one too many for int8', 'int8', '9223372036854775808', '22003'),
  column('P65', 'the largest int8', 'int8', '9223372036854775807', { row: '9223372036854775807' }),
  column('P66', 'an exponent for int8', 'int8', '1e21', '22P02'),
  column('P67', 'too large for numeric(10,2)', 'money', '123456789.12', '22003'),
  // PostgreSQL would round it to 0.13 in silence.
  column('P67', 'a digit too many for numeric(10,2)', 'money', '0.125', 'VALUE_CHANGED'),
  ...payload('P68', 'a BigInt inside an object', { v: 1n }, NOT_ENCODABLE),
  ...payload('P68', 'a BigInt', 12345678901234567890n, ROWS, '12345678901234567890'),
  madeByFlow('P68', 'a BigInt for int8', 'int8', 9007199254740993n, { row: '9007199254740993' }),
  column('P69', 'true as text', 'flag', '"true"', { row: 'true' }),
  column('P69', 'off as text', 'flag', '"off"', { row: 'false' }),
  column('P69', 'one for true', 'flag', '1', { row: 'true' }),
  column('P69', 'two for true', 'flag', '2', '22P02'),
  column('P69', 'perhaps', 'flag', '"maybe"', '22P02'),
]
