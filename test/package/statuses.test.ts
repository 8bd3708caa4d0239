import assert from 'node:assert/strict'
import { ENGLISH } from '../../src/status/en-US'
import type { PhraseKey } from '../../src/status/phrase'
import { CHINESE } from '../../src/status/zh-CN'
import { editorDefinition, filesIn, nodeTypes, readJson, readText, type Catalogue } from '../support/package'

const keys = Object.keys(ENGLISH) as PhraseKey[]
/** The compiler checks that each key that is used is there, in both languages. */
const namesIn = (text: string): string[] => (text.match(/__[a-zA-Z]+__/g) ?? []).sort()

describe('the words of the statuses', () => {
  it('take the same values in both languages', () => {
    for (const key of keys) assert.deepEqual(namesIn(CHINESE[key]), namesIn(ENGLISH[key]), key)
  })

  it('are all used', () => {
    const files = [...filesIn('src'), ...filesIn('nodes')]
    const sources = files.filter((file) => file.endsWith('.ts') && !/^src\/status\/(en-US|zh-CN)/.test(file))
    const code = sources.map(readText).join('\n')
    assert.deepEqual(
      keys.filter((key) => !code.includes(`'${key}'`)),
      [],
      'remove these from src/status/en-US.ts and zh-CN.ts',
    )
  })

  for (const type of nodeTypes) {
    const shows = editorDefinition(type).category !== 'config'
    it(`${shows ? 'are' : 'are not'} in the catalogues of ${type}`, () => {
      const inCatalogue = (language: string): unknown =>
        (readJson(`dist/nodes/${type}/locales/${language}/${type}.json`) as Catalogue).status
      assert.deepEqual(inCatalogue('en-US'), shows ? ENGLISH : undefined)
      if (shows) for (const language of ['zh-CN', 'zh']) assert.deepEqual(inCatalogue(language), CHINESE)
    })
  }
})
