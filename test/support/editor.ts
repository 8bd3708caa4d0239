/** The editor of a Node-RED with a flow, in a real browser. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { launchBrowser } from '../../dev/browser'
import { NodeRed, type FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { freePort } from '../../dev/services/free-port'
import { editorDefinition } from './package'

const VIEWPORT = { width: 1500, height: 1400 }

export class TestEditor {
  private readonly scriptErrors: string[] = []

  private constructor(
    readonly nodeRed: NodeRed,
    private readonly browser: Browser,
    private readonly folder: string,
  ) {}

  static async start(
    flow: readonly FlowEntry[],
    env: Readonly<Record<string, string>> = {},
    version: NodeRedVersion = '4.1',
  ): Promise<TestEditor> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-editor-'))
    const browser = await launchBrowser()
    const nodeRed = await NodeRed.start({ userDir: folder, port: await freePort(), env, flow, version })
    return new TestEditor(nodeRed, browser, folder)
  }

  /** @param ready what the page has when it can be used */
  async open(ready = '.red-ui-flow-node', locale = 'en-US'): Promise<Page> {
    const page = await this.browser.newPage({ viewport: VIEWPORT, locale })
    page.on('pageerror', (error) => this.scriptErrors.push(error.message))
    await page.goto(this.nodeRed.editorUrl)
    await page.waitForSelector(ready)
    return page
  }

  /** Fails when a script on a page has thrown since it was asked last. */
  assertSound(): void {
    assert.deepEqual(this.scriptErrors.splice(0), [])
  }

  async stop(): Promise<void> {
    await this.browser.close()
    await this.nodeRed.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A node as it comes out of the palette: an editor takes one without these properties for changed, or for wrong. */
export function fresh(
  type: string,
  change: Readonly<Record<string, unknown>> & { readonly id: string },
): FlowEntry {
  const defaults = Object.entries(editorDefinition(type).defaults)
  return { ...Object.fromEntries(defaults.map(([name, { value }]) => [name, value])), type, ...change }
}

/** With `SCREENSHOTS=folder` in the environment, the page or a part of it as a picture in that folder. */
export async function picture(shown: Page | Locator, name: string): Promise<void> {
  const { SCREENSHOTS } = process.env
  if (SCREENSHOTS) await shown.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) })
}
