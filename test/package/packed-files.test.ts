import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { dialogSources, filesIn, manifest, nodeTypes, readText, ROOT } from '../support/package'

const ofDialogs = new Set([
  ...nodeTypes.flatMap(dialogSources),
  ...filesIn('plugins').filter((file) => /^plugins\/[^/]+\/editor[/.]/.test(file)),
])
/** A page of Node-RED, and the module that it loads. */
const entries = [
  ...nodeTypes.map((type) => [type, `nodes/${type}/${type}.html`, `nodes/${type}/editor.js`] as const),
  ...Object.keys(manifest['node-red'].plugins).map(
    (name) => [name, `plugins/${name}/${name}.html`, `plugins/${name}/editor.js`] as const,
  ),
]

/**
 * What ships: the compiled library, nodes, plugin and command line, what Node-RED reads beside them, the modules of the dialogs, examples,
 * and five documents.
 */
function whatShips(): string[] {
  const sources = ['src', 'nodes', 'plugins', 'command']
    .flatMap(filesIn)
    .filter((file) => !file.endsWith('.d.ts') && !ofDialogs.has(file))
  const built = sources.map((file) => `dist/${file.replace(/\.ts$/, '.js')}`)
  // Each node has the words that the dialogs share, in both languages.
  const words = nodeTypes.flatMap((type) =>
    ['en-US', 'zh-CN'].map((language) => `dist/nodes/${type}/locales/${language}/${type}.json`),
  )
  // Node-RED looks for `zh` as well.
  const zh = [...built, ...words].filter((file) => file.includes('/zh-CN/'))
  const icons = filesIn('icons').map((file) => `dist/nodes/tenant-mqtt-source/${file}`)
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'README.zh-CN.md', 'package.json']
  const beside = ['icons', 'examples', 'resources'].flatMap(filesIn)
  return [
    ...new Set([
      ...built,
      ...words,
      ...zh.map((file) => file.replace('/zh-CN/', '/zh/')),
      ...icons,
      ...beside,
      ...documents,
    ]),
  ].sort()
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

  // A module that is missing would keep the editor from loading, and the other nodes with it.
  for (const [type, page, entry] of entries) {
    it(`have the module of ${type} in the editor with all that it imports, by names that a browser can ask for`, () => {
      const [, source] = /<script type="module" src="([^"]+)"/.exec(readText(page)) ?? []
      assert.equal(source, `resources/${manifest.name}/${entry}`)
      const loaded = new Set<string>()
      const load = (file: string): void => {
        if (loaded.has(file)) return
        loaded.add(file)
        assert.ok(existsSync(path.join(ROOT, 'resources', file)), file)
        for (const [, from] of readText(`resources/${file}`).matchAll(
          /^(?:import|export) [^'\n]*from '([^']+)'/gm,
        )) {
          assert.match(from as string, /^\.\.?\/.*\.js$/, `${file} imports ${from}`)
          load(path.posix.join(path.posix.dirname(file), from as string))
        }
      }
      load(entry)
      assert.ok(loaded.has(page.startsWith('nodes/') ? 'editor/options.js' : 'packages/uplot/uplot.js'))
    })
  }
})
