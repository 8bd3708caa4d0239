/**
 * In a real browser, on both versions of Node-RED and in both languages: every dialog with everything unfolded, at its
 * usual width and where little space is left, and every help text in a narrow sidebar. Nothing is cut, lies on something
 * else, or sticks out; everything can be read in both themes.
 */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { closeDialog, openDialog, unfold } from '../../dev/dialog'
import { fresh, picture, TestEditor } from '../support/editor'
import { paleTexts } from '../support/pale-texts'
import { editorDefinition, nodeTypes } from '../support/package'

const VERSIONS: readonly NodeRedVersion[] = ['4.1', '5']
/** Of the form: in a dialog of 400 px, and of 500, as it opens. */
const WIDTHS = [360, 460]

/** Whose colour is looked at. */
const TEXTS = 'label, summary, p, .tenant-pipeline-hint, .tenant-pipeline-words, .form-tips'

const HELP_WIDTH = 300
const LANGUAGES = ['en-US', 'zh-CN']

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
  for (const list of form.querySelectorAll('.form-row select')) {
    if (!shown(list)) continue
    pen.font = getComputedStyle(list).font
    // Of configuration nodes only the one that is chosen: their labels are the user's.
    const isOurs = list.parentElement.classList.contains('form-row')
    for (const option of isOurs ? list.options : list.selectedOptions) {
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

/** Runs in the page. @returns what of a help text is cut or was not understood */
const HELP_FAULTS = `(help) => {
  const edge = help.getBoundingClientRect()
  const faults = []
  for (const element of help.querySelectorAll('*')) {
    const said = element.tagName + ' ' + element.textContent.trim().slice(0, 60)
    if (element.getBoundingClientRect().right > edge.right + 1) faults.push('sticks out: ' + said)
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) faults.push('is cut: ' + said)
    if (/^[:|]/.test(element.textContent.trim())) faults.push('is no list: ' + said)
  }
  return faults
}`

describe('the layout of the dialogs', function () {
  this.timeout(300_000)
  for (const version of VERSIONS) {
    describe(`in Node-RED ${version}`, () => {
      let editor: TestEditor
      before(async () => {
        editor = await TestEditor.start(FLOW, {}, version)
      })
      after(() => editor?.stop())

      it('unfolds a section by keyboard, and by itself when one of its fields is wrong', async () => {
        const page = await editor.open()
        await page.evaluate(`RED.nodes.node('tenant-mqtt-source').attempts = 'often'`)
        await openDialog(page, 'tenant-mqtt-source')
        assert.deepEqual(await unfolded(page), ['Failures and retries'])
        const [first] = await page.locator('summary').all()
        await first!.focus()
        await page.keyboard.press('Enter')
        assert.deepEqual(await unfolded(page), ['Batches and messages in flight', 'Failures and retries'])
        await page.keyboard.press('Space')
        assert.deepEqual(await unfolded(page), ['Failures and retries'])
        await page.close()
      })

      it('keeps a time and a size as it was, whatever unit is chosen, and takes a variable', async () => {
        const page = await editor.open()
        await openDialog(page, 'tenant-kafka-producer')
        const [timeout, wait, size] = ['retentionMs', 'lingerMs', 'batchBytes'].map((name) => ({
          amount: page.locator(`#node-input-${name}-amount`),
          unit: page.locator(`#node-input-${name}-unit`),
        }))
        await unfold(page)
        const now = (): Promise<string[]> =>
          Promise.all(
            [timeout!, wait!, size!].map(
              async ({ amount, unit }) => `${await amount.inputValue()} ${await unit.inputValue()}`,
            ),
          )
        assert.deepEqual(await now(), ['3 days', '5 ms', '900 kB'])
        const deletes = page.getByText('Kafka deletes records that are older than 3 days')
        await deletes.waitFor()
        await timeout!.amount.fill('1.5')
        await timeout!.unit.selectOption('h')
        await page.getByText('older than 90 min').waitFor()
        await wait!.amount.fill('${WAIT}')
        assert.equal(await wait!.unit.isVisible(), false)
        await size!.unit.selectOption('MiB')
        await page.getByText('expected 1 KiB to 50 MB, in whole bytes').waitFor()
        await size!.amount.fill('1')
        await closeDialog(page, 'ok')
        const saved = await page.evaluate<unknown[]>(
          `['retentionMs', 'lingerMs', 'batchBytes'].map((name) => RED.nodes.node('tenant-kafka-producer')[name])`,
        )
        assert.deepEqual(saved, ['5400000', '${WAIT}', '1048576'])
        await openDialog(page, 'tenant-kafka-producer')
        await unfold(page)
        assert.deepEqual(await now(), ['90 min', '${WAIT} ms', '1 MiB'])
        await page.close()
      })

      for (const language of LANGUAGES) {
        describe(`in ${language}`, () => {
          let page: Page
          before(async () => {
            page = await editor.open('.red-ui-flow-node', language)
          })
          after(() => page?.close())

          for (const type of nodeTypes) {
            const name = `${version}-${language}-${type}`
            it(`of ${type} is whole, and readable in both themes`, async () => {
              await openDialog(page, type)
              const form = page.locator('.tenant-pipeline-dialog')
              await picture(form, `${name}-folded`)
              await unfold(page)
              const faults = []
              for (const width of WIDTHS) {
                await page.evaluate(`$('.tenant-pipeline-dialog').width(${width})`)
                await picture(form, `${name}-${width}`)
                const found = await inForm(page, FAULTS)
                faults.push(...found.map((fault) => `${width} px: ${fault}`))
              }
              faults.push(...(await inForm(page, paleTexts(TEXTS))).map((text) => `pale: ${text}`))
              if (version === '5') {
                await page.evaluate(`document.documentElement.classList.add('nr-theme-dark')`)
                await picture(form, `${name}-dark`)
                faults.push(
                  ...(await inForm(page, paleTexts(TEXTS))).map((text) => `pale in the dark theme: ${text}`),
                )
                await page.evaluate(`document.documentElement.classList.remove('nr-theme-dark')`)
              }
              await closeDialog(page, 'cancel')
              assert.deepEqual([...new Set(faults)], [])
            })

            it(`of the help of ${type} is whole`, async () => {
              await page.evaluate(`RED.sidebar.help.show('${type}')`)
              await page.evaluate(
                `$('.red-ui-help:visible').last().attr('id', 'shown-help').width(${HELP_WIDTH})`,
              )
              await picture(page.locator('#shown-help'), `${name}-help`)
              const found = await page.evaluate<string[]>(`(${HELP_FAULTS})($('#shown-help')[0])`)
              assert.deepEqual([...new Set(found)], [])
            })
          }
        })
      }
    })
  }

  const unfolded = (page: Page): Promise<string[]> =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll('details[open] > summary')].map((summary) => summary.textContent)`,
    )

  const inForm = (page: Page, script: string): Promise<string[]> =>
    page.evaluate<string[]>(`(${script})($('.tenant-pipeline-dialog')[0])`)
})
