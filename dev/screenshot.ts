/**
 * Takes the README's picture of the flow, from an editor that runs:
 *
 *     npm start          # in another terminal
 *     npx tsx dev/screenshot.ts http://127.0.0.1:1880 docs/images/flow.png
 */
import { launchBrowser } from './browser'

async function main([url, file]: string[]): Promise<void> {
  if (url === undefined || file === undefined) throw new Error('usage: screenshot.ts EDITOR_URL FILE')
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage({ viewport: { width: 1500, height: 860 }, deviceScaleFactor: 1 })
    await page.goto(url)
    await page.waitForSelector('.red-ui-flow-node-status-label:not(:empty)')
    await page.evaluate("RED.sidebar.show('help'); document.querySelector('.red-ui-notification')?.remove()")
    await page.locator('.red-ui-palette-category', { hasText: 'tenant pipeline' }).scrollIntoViewIfNeeded()
    await page.screenshot({ path: file })
  } finally {
    await browser.close()
  }
}

void main(process.argv.slice(2))
