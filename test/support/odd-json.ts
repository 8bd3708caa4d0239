/** JSON texts as no serializer writes them: every escape, white space everywhere, numbers in all their shapes. */
import fc from 'fast-check'

/** One character of a string, as a device may write it; never half of a surrogate pair, never NUL. */
const character: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...'abcxyz019 /\u007f\u00e4\u20ac\u2028\u202e\u200b\ufeff\u{1f600}'),
  },
  { weight: 2, arbitrary: fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t') },
  {
    weight: 2,
    arbitrary: fc
      .oneof(fc.integer({ min: 1, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0xffff }))
      .map((code) => `\\u${hex(code)}`),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0x10000, max: 0x10ffff }).map((code) => {
      const [high, low] = [...Array(2).keys()].map((at) => String.fromCodePoint(code).charCodeAt(at))
      return `\\u${hex(high as number)}\\u${hex(low as number)}`
    }),
  },
)

function hex(code: number): string {
  const digits = code.toString(16).padStart(4, '0')
  return code % 2 === 0 ? digits : digits.toUpperCase()
}

const string = fc.array(character, { maxLength: 8 }).map((characters) => `"${characters.join('')}"`)

const digits = fc.stringMatching(/^[0-9]{1,24}$/)
const integer = fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,30}$/))
const number = fc
  .tuple(fc.constantFrom('', '-'), integer, fc.option(digits), fc.option(fc.integer({ min: -400, max: 400 })))
  .map(([sign, whole, fraction, exponent]) => {
    const mark = exponent !== null && exponent % 2 === 0 ? 'E' : 'e'
    const plus = exponent !== null && exponent >= 0 && exponent % 3 === 0 ? '+' : ''
    return `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `${mark}${plus}${exponent}`}`
  })

const space = fc.stringMatching(/^[ \t\r\n]{0,2}$/)

/** Valid JSON which PostgreSQL stores as `jsonb` as well. */
export const oddJson: fc.Arbitrary<string> = fc
  .letrec<{ value: string; array: string; object: string }>((tie) => {
    const spaced = fc.tuple(space, tie('value'), space).map((parts) => parts.join(''))
    const member = fc
      .tuple(space, fc.oneof(string, fc.constantFrom('"a"', '"\\u0061"', '"__proto__"', '""')), space, spaced)
      .map(([before, key, after, value]) => `${before}${key}${after}:${value}`)
    return {
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        number,
        string,
        fc.constantFrom('true', 'false', 'null'),
        tie('array'),
        tie('object'),
      ),
      array: fc.array(spaced, { maxLength: 4 }).chain((all) => enclosed('[', all, ']')),
      object: fc.array(member, { maxLength: 4 }).chain((all) => enclosed('{', all, '}')),
    }
  })
  .value.chain((value) => fc.tuple(space, space).map(([before, after]) => before + value + after))

function enclosed(open: string, parts: readonly string[], close: string): fc.Arbitrary<string> {
  return parts.length > 0
    ? fc.constant(open + parts.join(',') + close)
    : space.map((inside) => open + inside + close)
}

/** Bytes that a mutation puts into a text: where JSON has its borders, and where UTF-8 has. */
const STRANGE_BYTES = [0x00, 0x01, 0x09, 0x0a, 0x1f, 0x22, 0x2b, 0x2c, 0x2d, 0x2e, 0x30, 0x3a, 0x45]
const STRANGER_BYTES = [
  0x5b, 0x5c, 0x5d, 0x65, 0x75, 0x7b, 0x7d, 0x7f, 0x80, 0xa0, 0xbf, 0xc0, 0xc3, 0xed, 0xf5, 0xff,
]
/** Pieces that one look at a JSON text does not show as wrong. */
const STRANGE_PIECES = [
  '\\u0000', '\\u0001', '\\ud800', '\\udc00', '\\udc00\\ud800', '\\ud800\\u0041', '\\ud83d\\ude00', '\\\\u0000', '\\x41',
  '1e400', '1e131071', '1e131072', '1e-16383', '1e-16384', '-0', '01', '+1', '.5', '1.', '0x10', 'NaN', 'Infinity', 'nul', "'a'", '//', ',}',
  ',]', '{}{}', '\ufeff',
] // prettier-ignore

/** A JSON text with one to three places changed: some are still JSON, most are not. */
export const mutatedJson: fc.Arbitrary<Buffer> = fc
  .tuple(
    oddJson,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom('insert', 'replace', 'remove', 'cut', 'in string'),
        fc.oneof(
          fc.constantFrom(...STRANGE_BYTES, ...STRANGER_BYTES).map((byte) => Buffer.from([byte])),
          fc.constantFrom(...STRANGE_PIECES).map((piece) => Buffer.from(piece)),
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([text, changes]) => {
    let bytes = Buffer.from(text)
    for (const [place, change, piece] of changes) {
      const quote = bytes.indexOf(0x22, place % (bytes.length + 1))
      const at = change === 'in string' && quote >= 0 ? quote + 1 : place % (bytes.length + 1)
      const gone = change === 'replace' || change === 'remove' ? 1 : change === 'cut' ? bytes.length : 0
      const added = change === 'remove' || change === 'cut' ? Buffer.alloc(0) : piece
      bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + gone)])
    }
    return bytes
  })
