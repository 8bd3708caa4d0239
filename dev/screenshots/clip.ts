/** Pictures of a part of the page. */
import type { Page } from 'playwright-core'

const MARGIN_PX = 16
/** Below the last node: its status. */
const STATUS_PX = 20

/** What the nodes and wires of the flow that is shown cover, without comments. */
export async function takeFlow(page: Page, file: string): Promise<void> {
  const boxes = await page.evaluate<DOMRect[]>(
    `[...document.querySelectorAll('.red-ui-flow-node-group, .red-ui-flow-link-line')]
      .filter((part) => RED.nodes.node(part.id)?.type !== 'comment')
      .map((part) => part.getBoundingClientRect().toJSON())`,
  )
  const left = Math.min(...boxes.map((box) => box.left)) - MARGIN_PX
  const top = Math.min(...boxes.map((box) => box.top)) - MARGIN_PX
  const right = Math.max(...boxes.map((box) => box.right)) + MARGIN_PX
  const bottom = Math.max(...boxes.map((box) => box.bottom)) + STATUS_PX + MARGIN_PX
  await page.screenshot({ path: file, clip: { x: left, y: top, width: right - left, height: bottom - top } })
}

/** The dialog that is open, from its title to its last row. */
export async function takeDialog(page: Page, file: string): Promise<void> {
  const clip = await page.evaluate<{ x: number; y: number; width: number; height: number }>(
    `(() => {
      const tray = [...document.querySelectorAll('.red-ui-tray')].at(-1).getBoundingClientRect()
      const rows = [...document.querySelector('.tenant-pipeline-dialog').children]
      const bottom = Math.max(...rows.map((row) => row.getBoundingClientRect().bottom))
      return { x: tray.x, y: tray.y, width: tray.width, height: bottom + ${MARGIN_PX} - tray.y }
    })()`,
  )
  await page.screenshot({ path: file, clip })
}
