/** What docs/traps.md says of tests is true: each trap is there once, and each test that it names exists. */
import assert from 'node:assert/strict'
import { filesIn, readText } from '../support/package'

const TRAPS = 51
const rows = readText('docs/traps.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
const NAMED_TEST = /`(test\/[^`]+\.ts)` "([^"]+)"/g

describe('docs/traps.md', () => {
  it('has every trap once, in order, with a reason', () => {
    const numbered = rows
      .map((row) => row.split('|').map((cell) => cell.trim()))
      .filter(([, id]) => /^T\d/.test(id ?? ''))
    assert.deepEqual(
      numbered.map(([, id]) => id),
      Array.from({ length: TRAPS }, (_, index) => `T${index + 1}`),
    )
    for (const [, id, trap, reason] of numbered) assert.ok(trap && reason, `${id} says what and why`)
  })

  const files = new Set(filesIn('test'))
  for (const row of rows.filter((line) => /`test\//.test(line))) {
    const named = [...row.matchAll(NAMED_TEST)]
    it(`names tests that are there: ${named.map(([, , title]) => title).join('; ')}`, () => {
      assert.equal(
        named.length,
        row.split('`test/').length - 1,
        'each file has the title of a test behind it',
      )
      for (const [, file = '', title = ''] of named) {
        assert.ok(files.has(file), `${file} is there`)
        assert.ok(readText(file).includes(title), `${file} has "${title}"`)
      }
    })
  }
})
