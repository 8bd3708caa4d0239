import assert from 'node:assert/strict'
import fc from 'fast-check'
import { jsonBytes, jsonHeaders } from '../../../src/record/json-bytes'

describe('bytes in JSON', () => {
  it('come back as they were, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
        const bytes = Buffer.from(given)
        const read = JSON.parse(JSON.stringify(jsonBytes(bytes))) as string | { base64: string }
        const back = typeof read === 'string' ? Buffer.from(read) : Buffer.from(read.base64, 'base64')
        assert.ok(back.equals(bytes))
      }),
    )
  })

  it('are a text where they are UTF-8, and base64 only where they are not', () => {
    assert.deepEqual(
      [jsonBytes(Buffer.from('25 °C')), jsonBytes(Buffer.from([0xff]))],
      ['25 °C', { base64: '/w==' }],
    )
    assert.deepEqual([jsonBytes(null), jsonBytes(undefined)], [null, null])
  })

  it('keep every value of a header', () => {
    const headers = { one: 'a', several: ['b', Buffer.from([0xff])] }
    assert.deepEqual(jsonHeaders(headers), { one: 'a', several: ['b', { base64: '/w==' }] })
  })
})
