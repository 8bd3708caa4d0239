/** Node-RED waits for a node to close only when its handler declares that it calls back. */
import assert from 'node:assert/strict'
import { nodeTypes, readText } from '../support/package'

const CLOSE = /\.on\('close'/g
const AWAITED_CLOSE = /\.on\('close', \(_removed: boolean, done: \(\) => void\) => \{/g

describe('closing', () => {
  for (const type of nodeTypes) {
    it(`of ${type} makes Node-RED wait`, () => {
      const code = readText(`nodes/${type}/${type}.ts`)
      assert.equal(code.match(AWAITED_CLOSE)?.length ?? 0, code.match(CLOSE)?.length ?? 0)
    })
  }
})
