import assert from 'node:assert/strict'
import fc from 'fast-check'
import { shownBytes } from '../../../src/record/shown-bytes'

describe('bytes in a dialog', () => {
  it('are their text, when they are text', () => {
    assert.equal(shownBytes(Buffer.from('{"a":"é"}')), '{"a":"é"}')
    assert.equal(shownBytes(Buffer.alloc(0)), '')
  })

  it('end in a mark when there are more', () => {
    assert.equal(shownBytes(Buffer.from('abcdef'), 6, 4), 'abcd…')
    assert.equal(shownBytes(Buffer.from('ab'), 6, 4), 'ab…')
  })

  it('are hexadecimal when they are no text', () => {
    assert.equal(shownBytes(Buffer.from([0xff, 0x00, 0x01])), '0xff0001')
    assert.equal(shownBytes(Buffer.from([0xff, 0, 1, 2]), 4, 4), '0xff00…')
    assert.equal(shownBytes(Buffer.from('a\0b')), '0x610062')
  })

  it('never have half of a character, wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.nat(20),
        fc.integer({ min: 1, max: 20 }),
        (text, bytes, max) => {
          const all = Buffer.from(text)
          const shown = shownBytes(all.subarray(0, bytes), all.length, max)
          if (shown.startsWith('0x')) return
          assert.ok(text.startsWith(shown.replace(/…$/, '')), shown)
          assert.ok(shown.length <= max + 1)
        },
      ),
    )
  })
})
