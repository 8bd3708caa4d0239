/** A dialog of the editor. It is a tray that slides in from the right, one on top of the other. */
import type { Page } from 'playwright-core'

/** Opens the dialog of a node, or of a configuration node, as a user finds it. */
export async function openDialog(page: Page, id: string): Promise<void> {
  await page.evaluate(`(() => {
    const node = RED.nodes.node('${id}')
    if (node._def.category === 'config') RED.editor.editConfig('', node.type, node.id)
    else RED.editor.edit(node)
  })()`)
  await dialogOpened(page)
}

/** Presses *Deploy*. Only for what the editor deploys without a question. */
export async function deploy(page: Page): Promise<void> {
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/flows'),
  )
  await page.locator('#red-ui-header-button-deploy').click()
  await answered
}

/** Unfolds what the open dialog has folded. */
export const unfold = (page: Page): Promise<unknown> =>
  page.evaluate(`$('.red-ui-tray details').prop('open', true)`)

/** A click on something that still moves is lost, and a key that is pressed before the first field has the focus. */
export async function dialogOpened(page: Page): Promise<void> {
  await atRest(page, 'tray.contains(document.activeElement)')
}

/** @param by the button; the dialog below, if any, is at rest again afterwards */
export async function closeDialog(page: Page, by: 'ok' | 'cancel'): Promise<void> {
  const trays = await page.evaluate<number>('document.querySelectorAll(".red-ui-tray-breadcrumbs li").length')
  await page.locator(`#node-dialog-${by}, #node-config-dialog-${by}`).click()
  if (trays > 1)
    await atRest(page, `tray.querySelectorAll('.red-ui-tray-breadcrumbs li').length === ${trays - 1}`)
  else await page.locator('.red-ui-tray').waitFor({ state: 'detached' })
}

const atRest = (page: Page, condition: string): Promise<unknown> =>
  page.waitForFunction(`(() => {
    const tray = document.querySelector('.red-ui-tray')
    return tray !== null && getComputedStyle(tray).right === '0px' && ${condition}
  })()`)
