// Writes the help of every command into docs/command-line.md, after its heading. `npm run build` comes first; a test
// compares the two.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const PAGE = 'docs/command-line.md'
const require = createRequire(import.meta.url)
const { COMMANDS } = require('../dist/command/registry.js')

let page = readFileSync(PAGE, 'utf8')
for (const name of Object.keys(COMMANDS)) {
  const help = execFileSync('node', ['dist/command/tenant-pipeline.js', ...name.split(' '), '--help'], {
    encoding: 'utf8',
  })
  const block = `### ${name}\n\n\`\`\`text\n${help}\`\`\`\n`
  const known = new RegExp(`### ${name}\n\n\`\`\`text\n[^]*?\`\`\`\n`)
  page = known.test(page) ? page.replace(known, () => block) : `${page.trimEnd()}\n\n${block}`
}
writeFileSync(PAGE, page)
