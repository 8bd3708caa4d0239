/** In a real browser: the rules of `tenant-validate` are a list, and each schema is checked by the server while it is entered. */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { closeDialog, openDialog } from '../../dev/dialog'
import { fresh, picture, TestEditor } from '../support/editor'

/** As a user has typed it; `unit` is a property that the list does not know. */
const BY_HAND = `[
  { "when": "tenant", "name": "new", "is": "acme", "schema": "{\\"type\\": \\"object\\"}", "unit": "°C" },
  { "schema": "{}", "when": "or" }
]`
const SCHEMA = '{\n  "type": "object",\n  "required": ["t"]\n}'
const WITH_TYPING_ERROR = '{"properties": {"t": {"typ": "number"}}}'

describe('the dialog of tenant validate', function () {
  this.timeout(180_000)
  let editor: TestEditor
  let page: Page
  before(async () => {
    const validate = (id: string, z: string, more: object = {}) =>
      fresh('tenant-validate', { id, z, x: 200, y: 100, wires: [[], []], ...more })
    editor = await TestEditor.start([
      { id: 'tab', type: 'tab', label: 'Flow 1' },
      { id: 'off', type: 'tab', label: 'Flow 2', disabled: true },
      validate('new', 'tab'),
      validate('written', 'tab', { y: 200, rules: BY_HAND }),
      validate('variable', 'tab', { y: 300, rules: '${RULES}' }),
      validate('undeployed', 'off'),
    ])
  })
  after(() => editor?.stop())
  beforeEach(async () => {
    page = await editor.open()
  })
  afterEach(() => page.close())

  const list = (): Locator => page.locator('#tenant-validate-rules > li')
  const field = (row: number, label: string): Locator => list().nth(row).getByLabel(label, { exact: true })
  const schema = (row: number): Locator => field(row, 'JSON Schema')
  const said = (row: number): Locator => list().nth(row).locator('.tenant-validate-said')
  const add = (): Promise<void> =>
    page.locator('#tenant-validate-rules-row').getByRole('button', { name: 'add' }).click()
  /** Below the rules, by their number, and below the list. */
  const faults = (): Promise<string[]> =>
    page.evaluate(`[...$('#tenant-validate-rules > li').get().flatMap((row) => {
      const fault = $(row).find('.tenant-validate-fault').text()
      return fault === '' ? [] : $(row).find('.tenant-validate-title').text() + ': ' + fault
    }), ...$('#tenant-validate-rules-faults > div').get().map((fault) => fault.textContent)]`)
  /** Rows and kinds of the fields with a red border. */
  const marked = (): Promise<string[]> =>
    page.evaluate(`$('#tenant-validate-rules > li').get().flatMap((row, index) => $(row).find('.input-error').get()
      .map((field) => index + ' ' + field.getAttribute('aria-label')))`)
  const saved = async (id: string): Promise<unknown> =>
    JSON.parse(await page.evaluate<string>(`RED.nodes.node('${id}').rules`))

  it('adds rules, whose schemas the server has checked', async () => {
    await openDialog(page, 'new')
    await said(0).getByText('The schema can be used.').waitFor()
    await add()
    assert.deepEqual(await faults(), ['Rule 2: enter a schema, or choose a file'])
    assert.deepEqual(await marked(), ['1 JSON Schema'])
    await field(1, 'Condition').selectOption('tenant is')
    await field(1, 'Matches').fill('acme|north')
    await field(1, 'name (optional)').fill('old')
    await schema(1).fill(SCHEMA)
    await said(1).getByText('The schema can be used.').waitFor()
    await add()
    await field(2, 'Condition').selectOption('property is')
    await field(2, 'e.g. levels.type').fill('levels.type')
    await field(2, 'Matches').fill('meter')
    await field(2, 'Schema from').selectOption('schema in a file')
    await field(2, 'e.g. schemas/reading.json').fill('schemas/meter.json')
    assert.deepEqual(await faults(), [])
    await picture(page.locator('.tenant-pipeline-dialog'), 'validate-rules')
    await closeDialog(page, 'ok')
    assert.deepEqual(await saved('new'), [
      { when: 'any', schema: '{\n  "type": "object"\n}' },
      { name: 'old', when: 'tenant', is: 'acme|north', schema: SCHEMA },
      { when: 'property', property: 'levels.type', is: 'meter', file: 'schemas/meter.json' },
    ])
  })

  it('says what is wrong with a schema below it, also for a node that is not deployed', async () => {
    await page.evaluate(`RED.workspaces.show('off')`)
    await openDialog(page, 'undeployed')
    await add()
    await schema(1).fill(WITH_TYPING_ERROR)
    await said(1).getByText('/properties/t/typ: there is no keyword "typ" in this draft').waitFor()
    await said(0).getByText('The schema can be used.').waitFor()
    await schema(1).fill('{"type": "object",}')
    await said(1).getByText('Not JSON').waitFor()
    assert.deepEqual(await marked(), ['1 JSON Schema'])
    await picture(page.locator('.tenant-pipeline-dialog'), 'validate-wrong-schema')
    await schema(1).fill('[]')
    await said(1).getByText('a schema is an object in braces').waitFor()
    assert.deepEqual(await faults(), [])
    await page.locator('#tenant-validate-rules-as-text').click()
    assert.deepEqual(await faults(), ['Rule 2: a schema is an object in braces'])
  })

  it('marks the field that is wrong, and numbers the rules as they are', async () => {
    await openDialog(page, 'written')
    await field(0, 'Matches').fill('(?=acme)')
    assert.deepEqual(await marked(), ['0 Matches'])
    assert.match((await faults()).join(), /^Rule 1: devices choose what is matched here/)
    await field(0, 'Condition').selectOption('MQTT topic is')
    await field(0, 'Matches').fill('plant/#/temperature')
    assert.match((await faults()).join(), /^Rule 1: enter a topic such as plant/)
    await picture(page.locator('.tenant-pipeline-dialog'), 'validate-wrong-condition')
    await list().nth(0).locator('.red-ui-editableList-item-remove').click()
    await list().nth(1).waitFor({ state: 'detached' })
    assert.deepEqual(await faults(), ['Rule 1: “or” needs a rule above it'])
    assert.deepEqual(await marked(), ['0 Condition'])
  })

  it('keeps the text as it was written while the rows say the same, and what rows do not show', async () => {
    await openDialog(page, 'written')
    await closeDialog(page, 'ok')
    assert.equal(await page.evaluate(`RED.nodes.node('written').rules`), BY_HAND)
    await openDialog(page, 'written')
    await field(1, 'name (optional)').fill('old')
    await page.locator('#tenant-validate-rules-as-text').click()
    const text = await page.locator('#node-input-rules').inputValue()
    await picture(page.locator('.tenant-pipeline-dialog'), 'validate-text')
    assert.deepEqual(JSON.parse(text), [
      { name: 'new', when: 'tenant', is: 'acme', schema: '{"type": "object"}', unit: '°C' },
      { name: 'old', when: 'or', schema: '{}' },
    ])
    await page.locator('#tenant-validate-rules-as-list').click()
    assert.equal(await field(1, 'name (optional)').inputValue(), 'old')
  })

  it('shows a variable as text', async () => {
    await openDialog(page, 'variable')
    assert.equal(await page.locator('#node-input-rules').inputValue(), '${RULES}')
    assert.equal(await list().first().isVisible(), false)
    assert.deepEqual(await faults(), [])
  })
})
