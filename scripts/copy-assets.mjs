// Copies what tsc leaves behind to where Node-RED looks: a node's template and locales beside its .js file, and
// the icons beside one declared node file (they then serve all nodes of the package). The dialogs get the option
// tables of the nodes, so that defaults and bounds are written down once, and the packages that their code uses; each node's
// catalogue gets the words that the dialogs share and, if the node shows a status, its texts, because Node-RED keeps the
// catalogues of nodes apart. The plugin has a catalogue with the statuses as well: its sidebar shows them.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, posix, relative, sep } from 'node:path'
import { inspect } from 'node:util'

const ICON_HOME = 'tenant-mqtt-source'
/** Packages that dialogs use, with their ES module in one file, beside the file that `require` finds. */
const PACKAGES = { re2js: 'index.js', uplot: 'uPlot.esm.js' }
/** What such a package has beside it for the browser. */
const STYLES = { uplot: 'uPlot.min.css' }
const PLUGIN = 'tenant-pipeline'
const require = createRequire(import.meta.url)
const tables = {}
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))
const statuses = {
  'en-US': require('../dist/src/status/en-US.js').ENGLISH,
  'zh-CN': require('../dist/src/status/zh-CN.js').CHINESE,
}

for (const node of readdirSync('nodes', { withFileTypes: true })) {
  if (!node.isDirectory()) continue
  cpSync(`nodes/${node.name}`, `dist/nodes/${node.name}`, {
    recursive: true,
    filter: (source) => !source.endsWith('.ts') && basename(source) !== 'editor',
  })
  tables[node.name] = require(`../dist/nodes/${node.name}/options.js`).options
}
cpSync('editor/dialog.css', 'resources/editor/dialog.css')
const { EXPECTED } = require('../dist/src/config/expected.js')
for (const language of readdirSync('editor/locales')) {
  const { shared, palette } = readJson(`editor/locales/${language}/shared.json`)
  if (language === 'en-US') shared.expected = EXPECTED
  for (const node of Object.keys(tables)) {
    const folder = `dist/nodes/${node}/locales/${language}`
    const catalogue = `${folder}/${node}.json`
    const own = existsSync(catalogue) ? readJson(catalogue) : {}
    const isConfig = /category: 'config'/.test(readFileSync(`nodes/${node}/${node}.html`, 'utf8'))
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      catalogue,
      JSON.stringify({ ...own, shared, ...(!isConfig && { palette, status: statuses[language] }) }),
    )
  }
}
cpSync(`plugins/${PLUGIN}/${PLUGIN}.html`, `dist/plugins/${PLUGIN}/${PLUGIN}.html`)
cpSync(`plugins/${PLUGIN}/editor/sidebar.css`, `resources/plugins/${PLUGIN}/editor/sidebar.css`)
for (const [language, status] of Object.entries(statuses)) {
  const file = `plugins/${PLUGIN}/locales/${language}/${PLUGIN}.json`
  mkdirSync(dirname(`dist/${file}`), { recursive: true })
  writeFileSync(`dist/${file}`, JSON.stringify({ ...readJson(file), status }))
}
// Of `LANG=zh_CN.UTF-8` Node-RED keeps `zh`.
for (const owner of [...Object.keys(tables).map((node) => `nodes/${node}`), `plugins/${PLUGIN}`]) {
  const locales = `dist/${owner}/locales`
  cpSync(`${locales}/zh-CN`, `${locales}/zh`, { recursive: true })
}
cpSync('icons', `dist/nodes/${ICON_HOME}/icons`, { recursive: true })

// As JavaScript, since some options have a regular expression.
const literal = inspect(tables, { depth: null, maxArrayLength: null, maxStringLength: null })
writeFileSync('resources/editor/options.js', `export const options = ${literal}\n`)

for (const [name, module] of Object.entries(PACKAGES)) {
  const built = dirname(require.resolve(name))
  cpSync(join(built, module), `resources/packages/${name}/${name}.js`)
  if (name in STYLES) cpSync(join(built, STYLES[name]), `resources/packages/${name}/${STYLES[name]}`)
  cpSync(join(built, '../LICENSE'), `resources/packages/${name}/LICENSE`)
}

// A browser asks for exactly what an import says.
const places = readdirSync('resources', { recursive: true, withFileTypes: true })
for (const file of places.filter((each) => each.isFile() && each.name.endsWith('.js'))) {
  const place = join(file.parentPath, file.name)
  const upwards = relative(file.parentPath, 'resources').split(sep).join('/')
  const text = readFileSync(place, 'utf8')
    .replace(/^((?:import|export) [^']*from '\.[^']+)'/gm, "$1.js'")
    .replace(/^(import [^']*from )'(\w+)'/gm, (whole, before, name) =>
      name in PACKAGES ? `${before}'${posix.join(upwards, 'packages', name, name)}.js'` : whole,
    )
  writeFileSync(place, text)
}
