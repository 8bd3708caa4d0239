/** In a real browser: a flow that was saved before an option existed opens without an error, and shows its default. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../../dev/browser'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { editorDefinition } from '../support/package'

/** What a node needs to be valid, besides its defaults. */
const NODES = {
  'tenant-mqtt-source': { broker: 'broker', topic: 'a/#' },
  'tenant-topic': {},
  'tenant-kafka-producer': { cluster: 'cluster', missingTopic: 'create' },
}
/** The options that came later. */
const LATER = ['retained', 'maxNewTopics', 'deadLetters']

/** A node as an older version has saved it. */
function saved(type: string, change: object): { id: string; type: string } {
  const defaults = Object.entries(editorDefinition(type).defaults).filter(([name]) => !LATER.includes(name))
  const config = Object.fromEntries(defaults.map(([name, { value }]) => [name, value]))
  return { ...config, id: type, type, ...change }
}

describe('the dialogs of a flow of an older version', function () {
  this.timeout(180_000)
  let folder: string
  let browser: Browser
  let nodeRed: NodeRed
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-older-'))
    browser = await launchBrowser()
    nodeRed = await NodeRed.start({
      userDir: folder,
      port: await freePort(),
      env: {},
      flow: [
        { id: 'tab', type: 'tab', label: 'Flow 1', disabled: true },
        saved('tenant-mqtt-broker', { id: 'broker', url: 'mqtt://127.0.0.1:1', clientId: 'gateway' }),
        saved('tenant-kafka-cluster', { id: 'cluster', brokers: '127.0.0.1:1' }),
        ...Object.entries(NODES).map(([type, change]) =>
          saved(type, { z: 'tab', x: 200, y: 100, wires: [], ...change }),
        ),
      ],
    })
  })
  after(async () => {
    await browser?.close()
    await nodeRed?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('show the defaults of the options that it does not have, and no error', async () => {
    const page = await browser.newPage({ viewport: { width: 1300, height: 1400 } })
    await page.goto(nodeRed.editorUrl)
    await page.waitForSelector('.red-ui-flow-node')
    for (const type of Object.keys(NODES)) {
      await page.evaluate(`RED.editor.edit(RED.nodes.node('${type}'))`)
      await page.locator('#node-input-name').waitFor()
      for (const [name, { value }] of Object.entries(editorDefinition(type).defaults)) {
        if (!LATER.includes(name)) continue
        assert.equal(await page.locator(`#node-input-${name}`).inputValue(), String(value), `${type}.${name}`)
      }
      const wrong = page.locator('#dialog-form .input-error')
      assert.deepEqual(await wrong.evaluateAll((fields) => fields.map(({ id }) => id)), [], type)
      await page.locator('#node-dialog-cancel').click()
      await page.locator('#node-input-name').waitFor({ state: 'detached' })
    }
  })
})
