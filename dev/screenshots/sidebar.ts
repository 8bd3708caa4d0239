/** A picture of the sidebar. */
import type { Page } from 'playwright-core'
import { openSidebar } from '../sidebar'

/** The chart shows a minute, so that there is something to see. */
const SHOWN_MS = 60_000

/** When it has been shown for a minute; from its totals to its last row. */
export async function takeSidebar(page: Page, file: string): Promise<void> {
  await openSidebar(page)
  await page.waitForTimeout(SHOWN_MS)
  const clip = await page.evaluate<{ x: number; y: number; width: number; height: number }>(
    `(() => {
      const sidebar = document.querySelector('.tenant-pipeline-sidebar').getBoundingClientRect()
      const bottom = document.querySelector('.tenant-pipeline-nodes').getBoundingClientRect().bottom
      return { x: sidebar.x, y: sidebar.y, width: sidebar.width, height: Math.min(bottom, sidebar.bottom) - sidebar.y }
    })()`,
  )
  await page.screenshot({ path: file, clip })
}
