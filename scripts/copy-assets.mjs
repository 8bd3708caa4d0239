// Copies what tsc leaves behind to where Node-RED looks: a node's template and locales beside its .js file, and
// the icons beside one declared node file (they then serve all nodes of the package).
import { cpSync, readdirSync } from 'node:fs'

const ICON_HOME = 'tenant-mqtt-source'

for (const node of readdirSync('nodes', { withFileTypes: true })) {
  if (!node.isDirectory()) continue
  cpSync(`nodes/${node.name}`, `dist/nodes/${node.name}`, {
    recursive: true,
    filter: (source) => !source.endsWith('.ts'),
  })
}
cpSync('icons', `dist/nodes/${ICON_HOME}/icons`, { recursive: true })
