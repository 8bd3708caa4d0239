/**
 * `npm run screenshots`: runs `npm start` on free ports, with simulated devices, and takes the pictures of the README: the
 * first example at work, the sidebar and two dialogs, at twice the size so that they are sharp in a browser.
 *
 * `npm run screenshots -- folder` also takes the sidebar, every dialog, folded and unfolded, in both languages, and every
 * example, to be looked at.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from './browser'
import { closeDialog, openDialog, unfold } from './dialog'
import { PROJECT_ROOT } from './project'
import { takeDialog, takeFlow } from './screenshots/clip'
import { takeSidebar } from './screenshots/sidebar'
import { freePort } from './services/free-port'

const IMAGES = path.join(PROJECT_ROOT, 'docs', 'images')
const EXAMPLES = path.join(PROJECT_ROOT, 'examples')
/** Shown in the README. */
const SHOWN_DIALOGS = ['tenant-topic', 'tenant-postgres-sink']
const LANGUAGES = ['en-US', 'zh-CN']
/** What the dialog of tenant topic is shown with. */
const TRIED = 'mtic/msg/client/realtime/acme/north/press-7/data\nmtic/msg/client/other'

async function main(folder: string | undefined): Promise<void> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-screenshots-'))
  const pipeline = await startPipeline(dataDir)
  const browser = await launchBrowser()
  try {
    const url = await editorUrl(pipeline)
    const page = await open(browser, url, 'en-US')
    await waitForTraffic(page)
    await takeFlow(page, path.join(IMAGES, 'flow.png'))
    await takeSidebar(page, path.join(IMAGES, 'sidebar.png'))
    for (const type of SHOWN_DIALOGS) {
      await openDialogOf(page, type)
      // The dialog asks Kafka when nothing has been typed for a moment.
      if (type === 'tenant-topic') await page.locator('#tenant-topic-tried').getByText('partition').waitFor()
      await takeDialog(page, path.join(IMAGES, `dialog-${type}.png`))
      await closeDialog(page, 'cancel')
    }
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    for (const language of LANGUAGES) await takeAll(await open(browser, url, language), folder, language)
  } finally {
    await browser.close()
    if (pipeline.exitCode === null) {
      pipeline.kill('SIGINT')
      await once(pipeline, 'exit')
    }
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function startPipeline(dataDir: string): Promise<ChildProcess> {
  const args = ['--require', 'tsx/cjs', 'dev/start.ts', '--data', dataDir, '--rate', '250']
  for (const port of ['--port', '--mqtt-port', '--kafka-port', '--database-port'])
    args.push(port, String(await freePort()))
  return spawn(process.execPath, args, { cwd: PROJECT_ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** From the line that `npm start` prints when everything runs. */
async function editorUrl(pipeline: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: pipeline.stdout! })) {
    const url = /\beditor=(\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    pipeline.stdout!.resume()
    return url
  }
  throw new Error('npm start ended before the editor was there')
}

async function open(browser: Browser, url: string, locale: string): Promise<Page> {
  const viewport = { width: 2000, height: 2600 }
  const page = await browser.newPage({ viewport, deviceScaleFactor: 2, locale })
  await page.goto(url)
  await page.waitForSelector('.red-ui-flow-node')
  await page.addStyleTag({
    content: '.red-ui-workspace-chart-grid, .red-ui-notification { display: none !important }',
  })
  return page
}

/** Waits until messages flow and all icons are there. */
async function waitForTraffic(page: Page): Promise<void> {
  await page.waitForFunction(`(() => {
    const texts = [...document.querySelectorAll('.red-ui-flow-node-status-label')].map((label) => label.textContent)
    return texts.length >= 6 && texts.filter((text) => /^[1-9][\\d,]*\\/s/.test(text)).length >= 4
  })()`)
  await page.waitForLoadState('networkidle')
}

async function takeAll(page: Page, folder: string, language: string): Promise<void> {
  await takeSidebar(page, path.join(folder, `${language}-sidebar.png`))
  for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith('.json'))) {
    const flow = readFileSync(path.join(EXAMPLES, name), 'utf8')
    await page.evaluate(
      `(() => {
        const tab = RED.nodes.import(${flow}, { generateIds: true }).workspaces[0]
        RED.workspaces.show(tab.id)
        RED.view.redraw(true)
      })()`,
    )
    await page.waitForLoadState('networkidle')
    await takeFlow(page, path.join(folder, `${language}-${path.parse(name).name}.png`))
  }
  for (const type of readdirSync(path.join(PROJECT_ROOT, 'nodes'))) {
    await openDialogOf(page, type)
    await takeDialog(page, path.join(folder, `${language}-${type}.png`))
    await unfold(page)
    await takeDialog(page, path.join(folder, `${language}-${type}-unfolded.png`))
    await closeDialog(page, 'cancel')
  }
}

/** Of a node of the type, whichever. */
async function openDialogOf(page: Page, type: string): Promise<void> {
  const id = await page.evaluate<string>(`(() => {
    let found
    RED.nodes.eachNode((node) => { if (node.type === '${type}') found ??= node.id })
    RED.nodes.eachConfig((node) => { if (node.type === '${type}') found ??= node.id })
    return found
  })()`)
  await openDialog(page, id)
  if (type === 'tenant-topic') await page.locator('#tenant-topic-try-topics').fill(TRIED)
  await page.waitForLoadState('networkidle')
}

main(process.argv[2]).catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
