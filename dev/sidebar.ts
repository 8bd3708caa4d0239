/** The tab of this package in the editor's sidebar. */
import type { Page } from 'playwright-core'

/** Shows it, with the sidebar around it. Resolves when it can be seen. */
export async function openSidebar(page: Page): Promise<void> {
  await page.evaluate(`RED.sidebar.show('tenant-pipeline')`)
  await page.locator('.tenant-pipeline-sidebar').waitFor()
}
