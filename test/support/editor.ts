/** The editor of a Node-RED with a flow, in a real browser. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Locator, Page, Request, Response } from 'playwright-core'
import { launchBrowser } from '../../dev/browser'
import { NodeRed, type FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { freePort } from '../../dev/services/free-port'
import { witnesses, type Witness } from './failures'
import { editorDefinition, manifest } from './package'

/** The dialogs and messages of a page, and what has the focus. */
const SHOWN = `[...document.querySelectorAll('.red-ui-tray, .red-ui-notification, .ui-dialog')]
  .filter((part) => part.offsetParent !== null)
  .map((part) => part.className + ': ' + part.innerText.replace(/\\s+/g, ' ')).join('\\n')
  + '\\nfocus: ' + document.activeElement?.id + ' ' + document.activeElement?.className`

/** What is in the console and not ours. */
const NOISE = [
  // Of the browser, beside the response that is looked at itself.
  /^Failed to load resource: the server responded with a status of \d+/,
  // Of Node-RED's debug sidebar, when a node logs an error before the editor has loaded the flows.
  /^Uncaught error from RED\.comms\.subscribe: TypeError: .* \(reading 'label'\)$/,
  /^TypeError: .* \(reading 'label'\)\n[^]*\bhandleDebugMessage\b/,
  // Of the palette manager, where there is no internet.
  /^Error loading catalog https:\/\/catalogue\.nodered\.org\//,
  /^Failed to load resource: net::ERR_(NAME_NOT_RESOLVED|INTERNET_DISCONNECTED)$/,
]

const isJson = (response: Response): boolean =>
  response.headers()['content-type']?.startsWith('application/json') === true

const VIEWPORT = { width: 1500, height: 1400 }

export class TestEditor implements Witness {
  private readonly faults: string[] = []
  private readonly requests = new Set<Request>()

  private constructor(
    readonly nodeRed: NodeRed,
    private readonly browser: Browser,
    private readonly folder: string,
  ) {
    witnesses.add(this)
  }

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
    noteFaults(page, this.faults)
    page.on('request', (request) => this.requests.add(request))
    page.on('requestfinished', (request) => this.requests.delete(request))
    page.on('requestfailed', (request) => this.requests.delete(request))
    await page.goto(this.nodeRed.editorUrl)
    await page.waitForSelector(ready)
    return page
  }

  /** Looked at after every test: throws when a script has failed or complained on a page, or the server has refused something. */
  assertSound(): void {
    assert.deepEqual(this.faults.splice(0), [], 'faults in the browser')
  }

  /** What its pages show and wait for, and the end of Node-RED's log. */
  async testimony(): Promise<string> {
    const pages = this.browser.contexts().flatMap((context) => context.pages())
    const texts = await Promise.all(pages.map((page) => page.evaluate<string>(SHOWN).catch(String)))
    const waiting = [...this.requests].map((request) => `waits for ${request.method()} ${request.url()}`)
    return [...texts, ...waiting, ...this.faults.splice(0), this.nodeRed.logTail()].join('\n')
  }

  async stop(): Promise<void> {
    witnesses.delete(this)
    await this.browser.close()
    await this.nodeRed.stop()
    rmSync(this.folder, { recursive: true, force: true })
    this.assertSound()
  }
}

/** Notes what a developer would see in red or yellow in the browser's console. */
export function noteFaults(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(`a script has thrown: ${error.message}`))
  page.on('console', (message) => {
    const text = message.text()
    const isFault = ['error', 'warning'].includes(message.type()) && !NOISE.some((noise) => noise.test(text))
    if (isFault) faults.push(`console.${message.type()}: ${text}`)
  })
  page.on('response', (response) => {
    // A node that refuses a question of its dialog says so in JSON, and the dialog shows it.
    const isAnswer = [404, 409].includes(response.status()) && isJson(response)
    if (response.status() < 400 || isAnswer) return
    faults.push(`${response.status()} to ${response.request().method()} ${response.url()}`)
  })
}

/**
 * Menu → Import → Examples, as a user does it.
 * @param name of the example, without `.json`
 */
export async function importExample(page: Page, name: string): Promise<void> {
  await page.locator('#red-ui-header-button-sidemenu').click()
  await page.locator('#menu-item-import').click()
  const dialog = page.locator('.ui-dialog', { has: page.locator('#red-ui-clipboard-dialog') })
  await dialog.locator('#red-ui-tab-red-ui-clipboard-dialog-import-tab-examples').click()
  // 100 ms after the dialog has opened, the editor finds the text on the first tab empty and turns *Import* off, whichever tab is
  // shown by then. Of two timers of the same length, the later one ends last.
  await page.evaluate('new Promise((done) => setTimeout(done, 100))')
  await dialog.getByText(manifest.name).click()
  // The list unfolds. An example that has moved between the press of the button and its release is not selected.
  await dialog.getByText(name).waitFor()
  await page.waitForFunction('$(":animated").length === 0')
  await dialog.getByText(name).click()
  await dialog.locator('#red-ui-clipboard-dialog-ok').click()
  await page.locator('#red-ui-workspace-tabs').getByText(name).waitFor()
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
