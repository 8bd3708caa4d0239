import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { filesIn, ROOT } from '../support/package'

/** What ships: the compiled library and nodes, what Node-RED reads beside them, examples, and four documents. */
function whatShips(): string[] {
  const sources = [...filesIn('src'), ...filesIn('nodes')].filter((file) => !file.endsWith('.d.ts'))
  const built = sources.map((file) => `dist/${file.replace(/\.ts$/, '.js')}`)
  const icons = filesIn('icons').map((file) => `dist/nodes/tenant-mqtt-source/${file}`)
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']
  return [...built, ...icons, ...filesIn('icons'), ...filesIn('examples'), ...documents].sort()
}

describe('the packed files', () => {
  it('are exactly those that ship', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [packed] = JSON.parse(output) as [{ files: { path: string }[] }]
    assert.deepEqual(packed.files.map((file) => file.path).sort(), whatShips())
  })
})
