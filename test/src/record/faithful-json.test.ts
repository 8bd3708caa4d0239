import assert from 'node:assert/strict'
import { faithfulJson } from '../../../src/record/faithful-json'

const circular: { self?: unknown } = {}
circular.self = circular

describe('JSON of what a flow has built', () => {
  for (const value of [
    { a: [1, null, {}, undefined] },
    'null',
    [],
    new Date(0),
    { at: new Date(0) },
    { b: Buffer.of(1) },
  ])
    it(`is that of JSON.stringify: ${JSON.stringify(value)}`, () =>
      assert.equal(faithfulJson(value), JSON.stringify(value)))

  for (const [what, value] of Object.entries({
    NaN,
    'an infinite number in a list': [1, -Infinity],
    'a date that is none': { at: new Date(NaN) },
    'a map': { m: new Map([[1, 2]]) },
    'a set': new Set([1]),
    'an error': [new Error('x')],
    'a function in a list': [() => 1],
    'a function': () => 1,
    'a bigint': { n: 1n },
    'a circle': circular,
  }))
    it(`is not made of ${what}, which would become another value`, () =>
      assert.throws(() => faithfulJson(value)))

  it('has bytes as the text that the caller makes of them', () =>
    assert.equal(
      faithfulJson({ unit: Buffer.from('C'), all: [Buffer.from('d')] }, String),
      '{"unit":"C","all":["d"]}',
    ))
})
