import assert from 'node:assert/strict'
import { MessageIds } from '../../../src/mqtt/message-id'

const payload = Buffer.from('{"id":17,"a/b":{"~":["x","y"]},"big":{}}')

describe('message ids', () => {
  it('are all different when they are generated, also by another source', () => {
    const [one, other] = [new MessageIds('generated', ''), new MessageIds('generated', '')]
    const ids = [one, other, one, other].map((made) => made.idOf(payload, undefined))
    assert.equal(new Set(ids).size, 4)
  })

  it('come from a user property, the first when it has several values', () => {
    const ids = new MessageIds('userProperty', 'id')
    assert.equal(ids.idOf(payload, { id: 'abc' }), 'abc')
    assert.equal(ids.idOf(payload, { id: ['x', 'y'] }), 'x')
  })

  for (const [pointer, expected] of [
    ['/id', '17'],
    ['/a~1b/~0/1', 'y'],
  ] as const) {
    it(`come from the payload at ${pointer}`, () => {
      assert.equal(new MessageIds('jsonPointer', pointer).idOf(payload, undefined), expected)
    })
  }

  it('keep the digits of a number', () => {
    for (const id of ['9007199254740993', '1.0', '1e3', '-0', '0.10', '12345678901234567890']) {
      const text = Buffer.from(`{"x":{"id":1},"ids":[0, ${id} ],"y":"id"}`)
      assert.equal(new MessageIds('jsonPointer', '/ids/1').idOf(text, undefined), id)
    }
  })

  it('are generated when the bytes are no UTF-8, of which two could become one', () => {
    const bytes = Buffer.from('{"id":"a\xff"}', 'latin1')
    assert.match(new MessageIds('jsonPointer', '/id').idOf(bytes, undefined), /-0$/)
  })

  it('are generated when the message has none', () => {
    for (const pointer of ['/none', '/big', '/id/deeper', '/a~1b/~0/7', '/__proto__']) {
      assert.match(new MessageIds('jsonPointer', pointer).idOf(payload, undefined), /^[\w-]{12}-0$/)
    }
    assert.match(new MessageIds('jsonPointer', '/id').idOf(Buffer.from('no JSON'), undefined), /-0$/)
    assert.match(new MessageIds('userProperty', 'id').idOf(payload, undefined), /-0$/)
    assert.match(new MessageIds('userProperty', 'id').idOf(payload, { id: 'x'.repeat(300) }), /-0$/)
  })

  it('refuse a set-up that names nothing', () => {
    assert.throws(() => new MessageIds('userProperty', ''), { code: 'CONFIG_INVALID' })
    assert.throws(() => new MessageIds('jsonPointer', 'id'), { code: 'CONFIG_INVALID' })
  })
})
