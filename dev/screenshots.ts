/**
 * `npm run screenshots`: runs `npm start` on free ports, with simulated devices, and takes the picture of the README:
 * the first example at work, cropped to its nodes, at twice the size so that it is sharp in a browser.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
import { launchBrowser } from './browser'
import { PROJECT_ROOT } from './project'
import { freePort } from './services/free-port'

const FLOW_PICTURE = path.join(PROJECT_ROOT, 'docs', 'images', 'flow.png')
const MARGIN_PX = 16
/** Below the last node: its status. */
const STATUS_PX = 20

async function main(): Promise<void> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-screenshots-'))
  const pipeline = await startPipeline(dataDir)
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 }, deviceScaleFactor: 2 })
    await page.goto(await editorUrl(pipeline))
    await takeFlow(page, FLOW_PICTURE)
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

/** Waits until messages flow and all icons are there, and takes what the nodes cover, without the comment. */
async function takeFlow(page: Page, file: string): Promise<void> {
  await page.waitForFunction(`(() => {
    const texts = [...document.querySelectorAll('.red-ui-flow-node-status-label')].map((label) => label.textContent)
    return texts.length >= 6 && texts.filter((text) => /^[1-9][\\d,]*\\/s/.test(text)).length >= 4
  })()`)
  await page.addStyleTag({
    content: '.red-ui-workspace-chart-grid, .red-ui-notification { display: none !important }',
  })
  await page.waitForLoadState('networkidle')
  const boxes = await page.evaluate<DOMRect[]>(
    `[...document.querySelectorAll('.red-ui-flow-node-group')]
      .filter((node) => RED.nodes.node(node.id).type !== 'comment')
      .map((node) => node.getBoundingClientRect().toJSON())`,
  )
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))]
  const right = Math.max(...boxes.map((box) => box.right))
  const bottom = Math.max(...boxes.map((box) => box.bottom)) + STATUS_PX
  await page.screenshot({
    path: file,
    clip: {
      x: left - MARGIN_PX,
      y: top - MARGIN_PX,
      width: right - left + 2 * MARGIN_PX,
      height: bottom - top + 2 * MARGIN_PX,
    },
  })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
