import assert from 'node:assert/strict'
import { CopyText } from '../../../../src/postgres/rows/copy-text'

describe('rows in the text format of COPY', () => {
  it('escape what has a meaning there, in text and in bytes', () => {
    const copy = new CopyText(0)
    copy.addText('a\\b\tc\nd\re')
    copy.addBytes(Buffer.from('a\\b\tc\nd\re'))
    copy.addNull()
    copy.addText('\\N')
    copy.addHex(Buffer.from([0, 255]))
    copy.endRow()
    const escaped = 'a\\\\b\\tc\\nd\\re'
    assert.equal(copy.slice(0, 1).toString(), `${escaped}\t${escaped}\t\\N\t\\\\N\t\\\\x00ff\n`)
  })

  it('can be sent in any run, without a row that was dropped', () => {
    const copy = new CopyText(0)
    for (const value of ['one', 'two', 'dropped', 'three']) {
      copy.addText(value)
      copy.addBytes(Buffer.from('ü'))
      if (value === 'dropped') copy.dropRow()
      else copy.endRow()
    }
    assert.equal(copy.rows, 3)
    assert.equal(copy.slice(0, 3).toString(), 'one\tü\ntwo\tü\nthree\tü\n')
    assert.equal(copy.slice(1, 2).toString(), 'two\tü\n')
    assert.equal(copy.slice(1, 1).length, 0)
  })

  it('grow with what is added, and leave bytes that are no text as they are', () => {
    const copy = new CopyText(0)
    const bytes = Buffer.alloc(100_000, 0xff)
    copy.addBytes(bytes)
    copy.endRow()
    assert.deepEqual(copy.slice(0, 1).subarray(0, -1), bytes)
  })

  it('refuse half of a surrogate pair instead of changing it', () => {
    assert.throws(() => new CopyText(0).addText('a\ud800'), /surrogate/)
  })
})
