import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bytesOf, textOfAny } from '../../../src/record/payload-bytes'

const shown = (payload: unknown) => {
  const { bytes, encoding } = bytesOf(payload)
  return [bytes?.toString() ?? null, encoding]
}

describe('payload bytes', () => {
  it('leaves bytes as they are, also those that are no text', () => {
    const payload = Buffer.from([0, 0xff, 0xfe, 0x80])
    assert.equal(bytesOf(payload).bytes, payload)
    assert.equal(bytesOf(payload).encoding, 'raw')
    assert.deepEqual(bytesOf(new Uint16Array([0x0201]).subarray(0, 1)).bytes, Buffer.from([1, 2]))
    assert.deepEqual(bytesOf(new Uint8Array([7, 8]).buffer).bytes, Buffer.from([7, 8]))
  })

  it('distinguishes nothing from an empty payload', () => {
    assert.deepEqual(shown(undefined), [null, 'none'])
    assert.deepEqual(shown(null), [null, 'none'])
    assert.deepEqual(shown(Buffer.alloc(0)), ['', 'raw'])
    assert.deepEqual(shown(''), ['', 'text'])
  })

  it('writes values as JSON, big numbers as text', () => {
    assert.deepEqual(shown({ a: 1, b: [null, true] }), ['{"a":1,"b":[null,true]}', 'json'])
    assert.deepEqual(shown({ n: 12345678901234567890n }), ['{"n":"12345678901234567890"}', 'json'])
    assert.deepEqual(shown(17), ['17', 'json'])
    assert.deepEqual(shown(3n), ['"3"', 'json'])
  })

  it('marks a cycle, and not an object that merely stands twice', () => {
    const cyclic: Record<string, unknown> = { a: 1 }
    cyclic.self = cyclic
    assert.deepEqual(shown(cyclic), ['{"a":1,"self":"[Circular]"}', 'json'])
    const twice = { x: 1 }
    assert.deepEqual(shown([twice, { twice }, twice]), ['[{"x":1},{"twice":{"x":1}},{"x":1}]', 'json'])
  })

  it('does not fail on what neither JSON nor a getter can say', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    const odd: unknown[] = [
      () => 1,
      Symbol('x'),
      deep,
      Object.defineProperty({}, 'a', { enumerable: true, get: () => assert.fail('getter') }),
      { toJSON: () => assert.fail('toJSON') },
      new Proxy({}, { get: () => assert.fail('trap'), ownKeys: () => assert.fail('trap') }),
      Object.create(null),
    ]
    for (const payload of odd) assert.equal(typeof textOfAny(payload), 'string')
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withTypedArray: true }), (any) => void bytesOf(any)),
    )
  })
})
