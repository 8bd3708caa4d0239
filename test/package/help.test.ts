/** The help texts, as Node-RED's Markdown understands them; `test/editor/layout.test.ts` looks at them in the browser. */
import assert from 'node:assert/strict'
import { filesIn, readText } from '../support/package'

const HELP = filesIn('nodes').filter((file) => /\/locales\/[^/]+\/[^/]+\.html$/.test(file))

/** `: name (type) : text`, where no further colon ends the text; anything else is shown as it was written. */
const PROPERTY = /^: [^:(]+ \([^:)]+\) : [^:]+$/

describe('the help', () => {
  for (const file of HELP) {
    it(`of ${file} has its properties as the editor can show them in a list`, () => {
      const lines = readText(file).split('\n')
      assert.deepEqual(
        lines.filter((line) => /^\s*:/.test(line) && !PROPERTY.test(line)),
        [],
      )
    })
  }
})
