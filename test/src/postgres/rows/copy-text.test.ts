import assert from 'node:assert/strict'
import { CopyText } from '../../../../src/postgres/rows/copy-text'
import { timeText } from '../../../../src/postgres/rows/record-time'

describe('rows in the text format of COPY', () => {
  it('escape what has a meaning there, in text and in bytes', () => {
    const copy = new CopyText()
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
    const copy = new CopyText()
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
    const copy = new CopyText()
    const bytes = Buffer.alloc(100_000, 0xff)
    copy.addBytes(bytes)
    copy.endRow()
    assert.deepEqual(copy.slice(0, 1).subarray(0, -1), bytes)
  })

  it('are none from the first to the first', () => {
    const copy = new CopyText()
    assert.equal(copy.slice(0, 0).length, 0)
    copy.addNull()
    copy.endRow()
    assert.equal(copy.slice(0, 0).length, 0)
  })

  it('write whole numbers digit by digit as JavaScript does', () => {
    const numbers = [0, 7, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, Number.MAX_SAFE_INTEGER, -0, -1, -(2 ** 40)]
    const copy = new CopyText()
    for (const number of numbers) copy.addInteger(number)
    copy.endRow()
    assert.equal(copy.slice(0, 1).toString(), `${numbers.join('\t')}\n`)
  })

  it('write instants as the text of a time', () => {
    const base = Date.parse('2026-11-30T01:02:03.000Z')
    const times = [base, base + 7, base + 45, base + 999, base + 1000, base + 0.25, base - 1, -1, -1001, 0]
    times.push(Date.parse('0001-01-01T00:00:00.001Z'), Date.parse('+010000-01-01T00:00:00.100Z'))
    const copy = new CopyText()
    for (const time of times) copy.addInstant(time)
    copy.endRow()
    assert.equal(copy.slice(0, 1).toString(), `${times.map(timeText).join('\t')}\n`)
  })

  it('give their memory to other rows only when they are released, and cannot be sent from then on', () => {
    const write = (text: string): CopyText => {
      const copy = new CopyText()
      copy.addText(text)
      copy.endRow()
      return copy
    }
    const first = write('first')
    const second = write('second')
    first.release()
    assert.throws(() => first.slice(0, 1), /released/)
    write('third')
    assert.equal(second.slice(0, 1).toString(), 'second\n')
  })

  it('refuse half of a surrogate pair instead of changing it', () => {
    assert.throws(() => new CopyText().addText('a\ud800'), /surrogate/)
  })
})
