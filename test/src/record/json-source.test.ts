import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sourceAt } from '../../../src/record/json-source'
import { oddJson } from '../../support/odd-json'

describe('the source of a JSON value', () => {
  for (const [text, path, expected] of [
    ['42', '', '42'],
    [' {"a": 9007199254740993 }', 'a', '9007199254740993'],
    ['{"a":{"b":1e400}}', 'a.b', '1e400'],
    ['{"a":1,"a":2}', 'a', '2'],
    ['{"\\u0061":1}', 'a', '1'],
    ['{"b":"\\"a\\":1","a":2}', 'a', '2'],
    ['[[1, 2],\t{"x":"]"}]', '1', '{"x":"]"}'],
    ['[1,2,3]', '3', undefined],
    ['[1,2,3]', '01', undefined],
    ['{"a":1}', 'b', undefined],
    ['{"a":1}', 'a.b', undefined],
    ['{}', 'a', undefined],
    ['[]', '0', undefined],
  ] as const) {
    it(`of ${text} at "${path}" is ${expected ?? 'missing'}`, () =>
      assert.equal(sourceAt(text, path === '' ? [] : path.split('.')), expected))
  }

  it('is what JSON.parse reads, at every place of whatever text', () => {
    fc.assert(
      fc.property(oddJson, (text) => {
        for (const [path, value] of places(JSON.parse(text))) {
          const source = sourceAt(text, path)
          assert.ok(source !== undefined, `${path.join('.')} of ${text}`)
          assert.deepEqual(JSON.parse(source), value)
        }
      }),
    )
  })

  it('does not need a stack for depth', () => {
    const inner = '['.repeat(500_000) + ']'.repeat(500_000)
    assert.equal(sourceAt(`{"a":${inner},"b":1}`, ['b']), '1')
    assert.equal(sourceAt(`{"a":${inner}}`, ['a']), inner)
  })
})

/** Every place in a value, with its path. */
function* places(value: unknown, path: string[] = []): Generator<[path: string[], value: unknown]> {
  yield [path, value]
  if (typeof value !== 'object' || value === null) return
  for (const [step, inner] of Object.entries(value)) yield* places(inner, [...path, step])
}
