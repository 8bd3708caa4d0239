/** The flow tests once more, on Node-RED 5 and the Node.js it wants. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { runtimeFor } from '../../dev/node-red/runtime'

const flowTests = readdirSync(__dirname)
  .filter((file) => file.endsWith('.test.ts') && file !== path.basename(__filename))
  .map((file) => path.join(__dirname, file))

describe('the flow tests on Node-RED 5', () => {
  let child: ChildProcess | undefined
  after(() => child?.kill('SIGKILL'))

  it('pass as on 4.1', async function () {
    // They are a run of their own, and each of them has its own limit.
    this.timeout(900_000)
    const { node, script } = runtimeFor('5')
    const mocha = [
      require.resolve('mocha/bin/mocha.js'),
      '--no-config',
      '--require',
      'tsx/cjs',
      '--timeout',
      '60000',
    ]
    child = spawn(node, [...mocha, ...flowTests], {
      env: { ...process.env, NODE_RED_RUNTIME: path.join(path.dirname(script), 'lib', 'red.js') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += String(chunk)))
    child.stderr?.on('data', (chunk) => (output += String(chunk)))
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0, output)
    assert.match(output, /[1-9]\d* passing/)
  })
})
