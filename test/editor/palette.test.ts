/**
 * What a new user does first, in a real browser and on both versions of Node-RED: install the packed package into
 * an empty user directory, find the nodes in the palette, import the first example, deploy it.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { NodeRed } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { PROJECT_ROOT } from '../../dev/project'
import { freePort } from '../../dev/services/free-port'
import { launchBrowser } from '../../dev/browser'
import { importExample, noteFaults, picture } from '../support/editor'
import { editorDefinition, nodeTypes } from '../support/package'
import { until } from '../support/until'

const EXAMPLE = '01 MQTT to Kafka to PostgreSQL'
const EXAMPLE_TYPES = [
  'tenant-mqtt-source',
  'tenant-topic',
  'tenant-kafka-producer',
  'tenant-kafka-consumer',
  'tenant-postgres-sink',
  'tenant-dead-letter',
]
const NODE_TYPES = nodeTypes.filter((type) => editorDefinition(type).category !== 'config')

describe('the packed package in the editor', function () {
  this.timeout(180_000)
  let folder: string
  let tarball: string
  let browser: Browser

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-editor-'))
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: PROJECT_ROOT, encoding: 'utf8' })) as {
      filename: string
    }[]
    tarball = path.join(folder, packed!.filename)
    browser = await launchBrowser()
  })
  after(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const version of ['4.1', '5'] as NodeRedVersion[]) {
    it(`offers its nodes and its example on Node-RED ${version}`, async () => {
      const nodeRed = await NodeRed.start({
        userDir: path.join(folder, `node-red-${version}`),
        port: await freePort(),
        version,
        install: tarball,
        env: {
          MQTT_URL: 'mqtt://127.0.0.1:1',
          KAFKA_BROKERS: '127.0.0.1:1',
          DATABASE_URL: 'postgres://127.0.0.1:1/none',
        },
        flow: [{ id: 'empty', type: 'tab', label: 'Flow 1' }],
      })
      const page = await browser.newPage({ viewport: { width: 1500, height: 900 } })
      const faults: string[] = []
      noteFaults(page, faults)
      try {
        await page.goto(nodeRed.editorUrl)
        await page.waitForSelector('.red-ui-palette-node[data-palette-type="tenant-topic"]')
        assert.deepEqual(await paletteTypes(page), NODE_TYPES)
        await importExample(page, EXAMPLE)
        await page.locator('#red-ui-workspace-tabs').getByText(EXAMPLE).click()
        await page.waitForSelector('.red-ui-flow-node-group')
        await page.locator('#red-ui-header-button-deploy').click()
        await page.waitForFunction(
          "document.querySelector('#red-ui-header-button-deploy').classList.contains('disabled')",
        )
        await until('all nodes of the example are deployed', async () => {
          const deployed = new Set((await nodeRed.flow()).map((node) => node.type))
          return EXAMPLE_TYPES.every((type) => deployed.has(type))
        })
        await page.waitForSelector('.red-ui-flow-node-status-label:not(:empty)')
        const metrics = await (await fetch(`${nodeRed.editorUrl}/tenant-pipeline/metrics`)).text()
        assert.match(metrics, /^mqtt_connection_status\{node="[^"]+"\} 0$/m)
        assert.match(metrics, new RegExp(`^tenant_pipeline_build_info.*node_red="v?${version}`, 'm'))
        await page.locator('.red-ui-palette-node[data-palette-type="tenant-topic"]').scrollIntoViewIfNeeded()
        await picture(page, `palette-${version}`)
        await page.evaluate("document.documentElement.classList.add('nr-theme-dark')")
        await picture(page, `palette-${version}-dark`)
        assert.equal(nodeRed.running, true)
        assert.deepEqual(faults, [])
      } finally {
        await page.close()
        await nodeRed.stop()
      }
    })
  }
})

/** The node types below the heading of our category. */
function paletteTypes(page: Page): Promise<(string | null)[]> {
  const category = page.locator('.red-ui-palette-category', { hasText: 'tenant pipeline' })
  return category
    .locator('.red-ui-palette-node')
    .evaluateAll((nodes) => nodes.map((node) => node.getAttribute('data-palette-type')))
}
