/**
 * In a real browser, on both versions of Node-RED: every dialog with everything unfolded, at its usual width and where
 * little space is left. Nothing is cut, lies on something else, or sticks out.
 */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { fresh, picture, TestEditor } from '../support/editor'
import { editorDefinition, nodeTypes } from '../support/package'

const VERSIONS: readonly NodeRedVersion[] = ['4.1', '5']
/** Of the form: in a dialog of 500 px, as it opens, and of 400. */
const WIDTHS = [460, 360]

const isConfig = (type: string): boolean => editorDefinition(type).category === 'config'

/** One node of each type, as it comes from the palette. */
const FLOW: readonly FlowEntry[] = [
  { id: 'tab', type: 'tab', label: 'Flow 1', disabled: true },
  ...nodeTypes.map((type, index) =>
    fresh(type, { id: type, ...(isConfig(type) ? {} : { z: 'tab', x: 200, y: 60 * index, wires: [] }) }),
  ),
]

/** Runs in the page. @returns what is cut, overlaps or sticks out, in the words of the dialog */
const FAULTS = `(form) => {
  const shown = (element) => element.getClientRects().length > 0
  const name = (element) => (element.id || element.textContent.trim().slice(0, 60) || element.outerHTML.slice(0, 80))
  const faults = []
  const edge = form.getBoundingClientRect()
  for (const element of form.querySelectorAll('*')) {
    if (!shown(element) || element.closest('.red-ui-editableList, .red-ui-typedInput-container, option')) continue
    const box = element.getBoundingClientRect()
    if (box.right > edge.right + 1 || box.left < edge.left - 1) faults.push('sticks out: ' + name(element))
  }
  for (const element of form.querySelectorAll('label, summary, button, .tenant-pipeline-hint, .form-tips, .tenant-pipeline-words')) {
    if (shown(element) && element.scrollWidth > element.clientWidth + 1) faults.push('is cut: ' + name(element))
  }
  for (const label of form.querySelectorAll('.form-row > label:first-child')) {
    const text = label.querySelector('span')
    if (!shown(label) || text === null) continue
    if (label.getBoundingClientRect().height > 30) faults.push('has two lines: ' + name(label))
    if (text.getBoundingClientRect().right > label.getBoundingClientRect().right + 1) faults.push('is cut: ' + name(label))
    const field = document.getElementById(label.htmlFor)
    if (field === null || !form.contains(field)) faults.push('is bound to nothing: ' + name(label))
  }
  const pen = document.createElement('canvas').getContext('2d')
  for (const list of form.querySelectorAll('.form-row > select')) {
    if (!shown(list)) continue
    pen.font = getComputedStyle(list).font
    for (const option of list.options) {
      const width = pen.measureText(option.text).width
      if (width > list.clientWidth - 30) faults.push('is cut in ' + name(list) + ': ' + option.text)
    }
  }
  for (const field of form.querySelectorAll('input[type=text], input:not([type])')) {
    // A long value scrolls where there is little space.
    if (shown(field) && form.clientWidth > 400 && field.scrollWidth > field.clientWidth + 1) faults.push('is cut: ' + name(field) + ' ' + field.value)
    pen.font = getComputedStyle(field).font
    if (shown(field) && pen.measureText(field.placeholder).width > field.clientWidth - 12) faults.push('placeholder is cut: ' + name(field) + ' ' + field.placeholder)
  }
  for (const row of form.querySelectorAll('.form-row')) {
    const boxes = [...row.children].filter(shown).map((element) => [element, element.getBoundingClientRect()])
    for (const [one, a] of boxes) for (const [other, b] of boxes) {
      const apart = a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1
      if (one !== other && !apart) faults.push('overlap: ' + name(one) + ' / ' + name(other))
    }
  }
  const labels = [...form.querySelectorAll('.form-row > label:first-child')].filter(shown).map((label) => label.textContent.trim())
  for (const [index, label] of labels.entries()) if (labels.indexOf(label) !== index) faults.push('twice: ' + label)
  return faults
}`

describe('the layout of the dialogs', function () {
  this.timeout(300_000)
  for (const version of VERSIONS) {
    describe(`in Node-RED ${version}`, () => {
      let editor: TestEditor
      let page: Page
      before(async () => {
        editor = await TestEditor.start(FLOW, {}, version)
        page = await editor.open()
      })
      after(() => editor?.stop())

      for (const type of nodeTypes) {
        it(`of ${type} is whole`, async () => {
          await open(type)
          const form = page.locator('.tenant-pipeline-dialog')
          await picture(form, `${version}-${type}-folded`)
          await page.evaluate(`$('.tenant-pipeline-dialog details').prop('open', true)`)
          const faults: string[] = []
          for (const width of WIDTHS) {
            await page.evaluate(`$('.tenant-pipeline-dialog').width(${width})`)
            await picture(form, `${version}-${type}-${width}`)
            const found = await page.evaluate<string[]>(`(${FAULTS})($('.tenant-pipeline-dialog')[0])`)
            faults.push(...found.map((fault) => `${width} px: ${fault}`))
          }
          await page.locator(isConfig(type) ? '#node-config-dialog-cancel' : '#node-dialog-cancel').click()
          await form.waitFor({ state: 'detached' })
          assert.deepEqual([...new Set(faults)], [])
          editor.assertSound()
        })
      }

      async function open(type: string): Promise<void> {
        if (isConfig(type)) await page.evaluate(`RED.editor.editConfig('', '${type}', '${type}')`)
        else await page.evaluate(`RED.editor.edit(RED.nodes.node('${type}'))`)
        // The tray slides in.
        await page.waitForFunction(`document.querySelector('.red-ui-tray')?.style.right === '0px'`)
      }
    })
  }
})
