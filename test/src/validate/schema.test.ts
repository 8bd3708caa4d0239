import assert from 'node:assert/strict'
import { compileSchema, parseSchema } from '../../../src/validate/schema'

const accepts = (schema: object, value: unknown): boolean =>
  compileSchema(schema as Record<string, unknown>).accepts(value)
const refusal = (schema: object): string => {
  try {
    compileSchema(schema as Record<string, unknown>)
  } catch (error) {
    return (error as Error).message
  }
  return 'it was accepted'
}

describe('a JSON Schema', () => {
  it('is read in draft 2020-12, or in draft-07 when it says so', () => {
    const tuple = { prefixItems: [{ type: 'string' }], items: false }
    assert.ok(accepts(tuple, ['a']))
    assert.ok(!accepts(tuple, ['a', 'b']))
    const older = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      items: [{ type: 'string' }],
      additionalItems: false,
    }
    assert.ok(accepts(older, ['a']))
    assert.ok(!accepts(older, ['a', 'b']))
    assert.match(refusal({ $schema: 'http://json-schema.org/draft-04/schema#' }), /names another draft/)
  })

  const wrong: readonly (readonly [string, object, RegExp])[] = [
    [
      'a type that does not exist',
      { properties: { a: { type: 'strin' } } },
      /^\/properties\/a\/type must be/,
    ],
    ['a keyword that does not exist', { items: { typ: 1 } }, /^\/items\/typ: there is no keyword/],
    ['a format that is not checked', { items: { format: 'uri' } }, /^\/items: the format "uri"/],
    [
      'a reference to an address',
      { items: { $ref: 'http://127.0.0.1:9/x' } },
      /^\/items\/\$ref: .*nothing is fetched/,
    ],
    ['a reference to nothing', { $ref: '#/$defs/a' }, /^\/\$ref: .*leads nowhere/],
    [
      'an expression that looks around',
      { items: { pattern: '(?=a)b' } },
      /^\/items\/pattern: .*cannot look around/,
    ],
    [
      'an expression that is none',
      { patternProperties: { '(': {} } },
      /^\/patternProperties: the expression/,
    ],
    ['one that is asynchronous', { $async: true }, /"\$async" cannot be used/],
  ]
  for (const [what, schema, expected] of wrong)
    it(`is refused with ${what}, with its place`, () => assert.match(refusal(schema), expected))

  it('is refused without quoting a text that is none', () => {
    assert.throws(() => parseSchema('root:x:0'), { message: /^the schema is not JSON/ })
    assert.doesNotThrow(() => parseSchema('{}'))
    try {
      parseSchema('root:x:0')
    } catch (error) {
      assert.doesNotMatch((error as Error).message, /root/)
    }
  })

  it('may have the same id as another, and be compiled again', () => {
    const schema = { $id: 'https://example.org/reading', type: 'object' }
    assert.ok(accepts(schema, {}))
    assert.ok(accepts({ ...schema, type: 'array' }, []))
    assert.ok(accepts(schema, {}))
  })

  it('takes properties of every object for missing', () => {
    assert.ok(!accepts({ required: ['toString'] }, {}))
    assert.ok(accepts({ required: ['toString'] }, { toString: 1 }))
  })

  it('knows times and addresses', () => {
    const formats: Readonly<Record<string, readonly [good: readonly string[], bad: readonly string[]]>> = {
      'date-time': [
        ['2026-11-20T08:00:00Z', '2024-02-29t23:59:60.123+05:30'],
        [
          '2026-02-29T08:00:00Z',
          '2026-11-20',
          '2026-11-20T24:00:00Z',
          '2026-13-01T00:00:00Z',
          '2026-00-01T00:00:00Z',
        ],
      ],
      date: [['2000-02-29'], ['1900-02-29', '2026-04-31', '2026-1-1', '2026-01-00']],
      time: [
        ['08:00:00Z', '08:00:00.5-03:00'],
        ['08:00', '08:60:00Z', '08:00:00+24:00'],
      ],
      uuid: [['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
      ipv4: [['127.0.0.1'], ['256.0.0.1', '::1']],
      ipv6: [['::1'], ['127.0.0.1']],
    }
    for (const [format, [good, bad]] of Object.entries(formats)) {
      for (const text of good) assert.ok(accepts({ format }, text), text)
      for (const text of bad) assert.ok(!accepts({ format }, text), text)
    }
  })

  it('compares the elements of a list by their values', () => {
    const unique = { uniqueItems: true }
    for (const list of [
      [1, '1'],
      [{ a: 1 }, '{"a":1}'],
      [[1], ['1']],
      [null, 'null', false, 0, ''],
    ])
      assert.ok(accepts(unique, list), JSON.stringify(list))
    for (const list of [
      [1, 1.0],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      [[0], [-0]],
      ['a', 'a'],
    ])
      assert.ok(!accepts(unique, list), JSON.stringify(list))
    assert.ok(accepts({ uniqueItems: false }, [1, 1]))
  })

  it('allows for rounding in multiples', () => {
    assert.ok(accepts({ multipleOf: 0.1 }, 0.3))
    assert.ok(!accepts({ multipleOf: 0.1 }, 0.35))
  })
})
