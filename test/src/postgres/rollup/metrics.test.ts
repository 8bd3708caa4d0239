import assert from 'node:assert/strict'
import { findMetrics, readMetrics } from '../../../../src/postgres/rollup/metrics'
import { RecordValues } from '../../../../src/postgres/rows/record-values'

function found(text: string, payload: unknown, time?: readonly [string, ...string[]]): unknown {
  const find = findMetrics(readMetrics(text) ?? [], time)
  const { names, values, skipped } = find(new RecordValues({ payload, levels: { site: '7' } }))
  return [Object.fromEntries(names.map((name, at) => [name, values[at]])), skipped]
}

describe('metrics', () => {
  it('are all numbers of the payload, those of nested objects too, and none of its lists', () => {
    const payload = { t: 1, motor: { rpm: 900, on: true }, list: [1, 2], text: '5', none: null }
    assert.deepEqual(found('', JSON.stringify(payload)), [{ t: 1, 'motor.rpm': 900 }, 0])
    assert.deepEqual(found('', payload), [{ t: 1, 'motor.rpm': 900 }, 0])
  })

  it('leave out the time of the record', () => {
    const payload = { at: 1_763_625_600_000, x: { at: 2 } }
    assert.deepEqual(found('', payload, ['payload', 'at']), [{ 'x.at': 2 }, 0])
    assert.deepEqual(found('', payload, ['payload', 'x', 'at']), [{ at: 1_763_625_600_000 }, 0])
  })

  it('are a payload that is a number itself', () => {
    assert.deepEqual(found('', Buffer.from('21.5')), [{ value: 21.5 }, 0])
    assert.deepEqual(found('payload', 3), [{ value: 3 }, 0])
  })

  it('are the numbers at the paths that were chosen; other values there are skipped and counted', () => {
    const text = 'payload.t, payload.list.1\npayload.text,payload.missing, levels.site'
    assert.deepEqual(found(text, { t: -0, list: [1, 2], text: '5' }), [{ t: 0, 'list.1': 2 }, 2])
  })

  it('are none in what is no JSON, or no object', () => {
    for (const payload of ['', 'no json', Buffer.from([0xff]), [1], null, undefined, Buffer.from('"5"')])
      assert.deepEqual(found('', payload), [{}, 0])
  })

  it('skip numbers that JavaScript does not hold', () => {
    assert.deepEqual(found('', '{"t":1e400,"u":2}'), [{ u: 2 }, 1])
  })

  it('cannot be chosen by a path that finds nothing in any record, or twice', () => {
    for (const text of ['payload..x', 'nothing.known', 'payload.a,payload.a', 'payload.a, levels.a.b'])
      assert.equal(readMetrics(text), undefined, text)
    assert.deepEqual(readMetrics(' , '), [])
  })

  it('do not reach into a prototype', () => {
    assert.deepEqual(found('', '{"__proto__":{"x":1},"constructor":2}'), [
      { '__proto__.x': 1, constructor: 2 },
      0,
    ])
  })
})
