import assert from 'node:assert/strict'
import ts from 'typescript'
import { filesIn, readText } from '../support/package'

const importsOf = (file: string): string[] =>
  ts.preProcessFile(readText(file), true, true).importedFiles.map(({ fileName }) => fileName)

describe('the layers', () => {
  it('src/ knows neither Node-RED nor the nodes', () => {
    for (const file of filesIn('src').filter((name) => name.endsWith('.ts'))) {
      const wrong = importsOf(file).filter((name) => /^(@?node-red)(\/|$)|(^|\/)nodes\//.test(name))
      assert.deepEqual(wrong, [], file)
    }
  })

  it('nodes/ know of each other only what a configuration node offers', () => {
    for (const file of filesIn('nodes').filter((name) => name.endsWith('.ts'))) {
      const wrong = importsOf(file).filter((name) => /^\.\.\/(?!\.\.\/)/.test(name) && !/-node$/.test(name))
      assert.deepEqual(wrong, [], file)
    }
  })
})
