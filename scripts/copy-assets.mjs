// Copies what tsc leaves behind to where Node-RED looks: a node's template and locales beside its .js file, and
// the icons beside one declared node file (they then serve all nodes of the package). The dialogs get the option
// tables of the nodes, so that defaults and bounds are written down once.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { inspect } from 'node:util'

const ICON_HOME = 'tenant-mqtt-source'
const require = createRequire(import.meta.url)
const tables = {}

for (const node of readdirSync('nodes', { withFileTypes: true })) {
  if (!node.isDirectory()) continue
  cpSync(`nodes/${node.name}`, `dist/nodes/${node.name}`, {
    recursive: true,
    filter: (source) => !source.endsWith('.ts') && basename(source) !== 'editor',
  })
  tables[node.name] = require(`../dist/nodes/${node.name}/options.js`).options
}
cpSync('icons', `dist/nodes/${ICON_HOME}/icons`, { recursive: true })

// As JavaScript, since some options have a regular expression.
const literal = inspect(tables, { depth: null, maxArrayLength: null, maxStringLength: null })
writeFileSync('resources/editor/options.js', `export const options = ${literal}\n`)

// A browser asks for exactly what an import says.
for (const file of readdirSync('resources', { recursive: true, withFileTypes: true })) {
  if (!file.isFile()) continue
  const place = join(file.parentPath, file.name)
  const text = readFileSync(place, 'utf8')
  writeFileSync(place, text.replace(/^((?:import|export) [^']*from '\.[^']+)'/gm, "$1.js'"))
}
