/** The help of every command: there, documented, and quick; and what the program says of a command that it does not know. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { runCommand } from '../support/command'
import { readJson, readText, ROOT } from '../support/package'

const { COMMANDS } = createRequire(__filename)(`${ROOT}/dist/command/registry.js`) as {
  COMMANDS: Record<string, { summary: string }>
}

describe('tenant-pipeline', () => {
  for (const name of Object.keys(COMMANDS))
    it(`has the help of ${name} in docs/command-line.md (node scripts/command-help.mjs writes it)`, async () => {
      const { exit, out, errors } = await runCommand([...name.split(' '), '--help'])
      assert.deepEqual([exit, errors], [0, ''])
      assert.ok(readText('docs/command-line.md').includes(`### ${name}\n\n\`\`\`text\n${out}\`\`\`\n`), out)
      assert.ok(
        out.split('\n').every((line) => line.length <= 100),
        out,
      )
    })

  it('lists its commands, and those of a group', async () => {
    const { exit, out } = await runCommand(['--help'])
    assert.equal(exit, 0)
    for (const [name, { summary }] of Object.entries(COMMANDS))
      assert.match(out, new RegExp(`  ${name} +${summary.slice(0, 20)}`))
    const group = await runCommand(['topics', '--help'])
    assert.deepEqual([group.exit, /doctor/.test(group.out)], [0, false])
    assert.equal((await runCommand(['topics'])).exit, 2)
    assert.equal((await runCommand([])).exit, 2)
  })

  it('says its version', async () => {
    const { version } = readJson('package.json') as { version: string }
    assert.deepEqual(await runCommand(['--version']), { exit: 0, out: `${version}\n`, errors: '' })
  })

  it('refuses what it does not know, and quotes none of it', async () => {
    const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [['canary'], /no such command/],
      [['topics', 'canary'], /no such command/],
      [['doctor', 'postgres://me:canary@host/db'], /options only/],
      [['doctor', '--pasword=canary'], /there is no option --pasword/],
      [['doctor', '--json=canary'], /--json takes no value/],
      [['doctor', '--flow'], /--flow needs a value/],
    ]
    for (const [args, says] of wrong) {
      const { exit, out, errors } = await runCommand(args)
      assert.deepEqual([exit, out], [2, ''])
      assert.match(errors, says)
      assert.ok(!errors.includes('canary'), errors)
    }
  })
})
