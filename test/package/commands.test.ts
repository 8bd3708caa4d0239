/** The test commands leave out no file, and the documents name commands that exist. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readJson, readText } from '../support/package'

interface Commands {
  readonly ONLY_ALL: readonly string[]
  readonly LONG: readonly string[]
  readonly every: readonly string[]
  readonly quick: readonly string[]
  readonly all: readonly string[]
}

const commands = createRequire(__filename)('../commands/files.cjs') as Commands

describe('the test commands', () => {
  it('run every file once in test:all, and in npm test those that are not in its list', () => {
    const { ONLY_ALL, every, quick, all } = commands
    assert.deepEqual([...all].sort(), every)
    assert.deepEqual([...quick, ...ONLY_ALL].sort(), every)
  })

  it('list files that exist, each once', () => {
    const listed = [...commands.ONLY_ALL, ...commands.LONG]
    assert.deepEqual(
      listed.filter((file) => !commands.every.includes(file)),
      [],
    )
    assert.equal(new Set(listed).size, listed.length)
  })
})

for (const file of ['README.md', 'CONTRIBUTING.md', '.ci/run']) {
  it(`${file} names scripts that package.json has`, () => {
    const { scripts } = readJson('package.json') as { readonly scripts: object }
    const named = [...readText(file).matchAll(/\bnpm run (?:-s )?([\w:]+\w)/g)].map(([, name = '']) => name)
    assert.deepEqual(
      named.filter((name) => !(name in scripts)),
      [],
    )
  })
}
