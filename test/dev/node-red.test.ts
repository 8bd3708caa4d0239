import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { until } from '../support/until'

const tab = { id: 'tab', type: 'tab', label: 'test' }
const inject = {
  ...{ id: 'inject', type: 'inject', z: 'tab', x: 100, y: 100, once: true, repeat: '0.1' },
  ...{ props: [{ p: 'payload' }], wires: [['function']] },
}
const shows = (text: string) => ({
  ...{ id: 'function', type: 'function', z: 'tab', x: 300, y: 100, wires: [], outputs: 0, libs: [] },
  func: `node.status({ fill: 'blue', text: '${text}' })`,
})

for (const version of ['4.1', '5'] as const) {
  describe(`Node-RED ${version} as a child`, function () {
    this.timeout(180_000)
    const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-node-red-'))
    let nodeRed: NodeRed

    before(async () => {
      const flow = [tab, inject, shows('one')]
      nodeRed = await NodeRed.start({ userDir, port: await freePort(), version, flow })
    })
    after(async () => {
      await nodeRed.stop()
      rmSync(userDir, { recursive: true })
    })

    const showsText = (text: string): Promise<void> =>
      until(`the status "${text}"`, () => nodeRed.statuses.get('function')?.text === text)

    it('is the version that was asked for', async () => {
      const response = await fetch(`${nodeRed.editorUrl}/settings`)
      const settings = (await response.json()) as { version: string }
      assert.ok(settings.version.startsWith(version), settings.version)
    })

    it('reports the statuses, and takes a deploy', async () => {
      await showsText('one')
      await nodeRed.deploy([tab, inject, shows('two')], 'nodes')
      await showsText('two')
      assert.ok((await nodeRed.rssBytes()) > 50_000_000)
    })

    it('can be killed, and starts again with what was deployed last', async () => {
      await nodeRed.kill('SIGKILL')
      assert.equal(nodeRed.running, false)
      await nodeRed.start()
      await showsText('two')
    })

    it('says which node types are missing', async () => {
      const unknown = { id: 'unknown', type: 'no-such-node', z: 'tab', x: 1, y: 1, wires: [] }
      await assert.rejects(nodeRed.deploy([tab, unknown]), /no-such-node/)
      await nodeRed.deploy([tab])
    })
  })
}
