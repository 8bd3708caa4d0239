/**
 * In a real browser, on both versions of Node-RED: every field of every dialog is filled with another value, as a user does,
 * and deployed; after the page was loaded again, each shows what was entered. Secrets are shown nowhere.
 */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import type { FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { readOptions } from '../../src/config/options'
import { addRow, shownRows } from '../support/columns-list'
import { closeDialog, deploy, openDialog, unfold } from '../../dev/dialog'
import { TestEditor } from '../support/editor'
import { CANARY, editedNodes, other, type Field } from '../support/entered-values'
import { editorDefinition, nodeTypes, optionsOf } from '../support/package'

const isConfig = (type: string): boolean => editorDefinition(type).category === 'config'
const hasSecrets = ({ type }: FlowEntry): boolean => editorDefinition(type).credentials !== undefined
const EDITED = editedNodes()

const FLOW: readonly FlowEntry[] = [
  { id: 'tab', type: 'tab', label: 'Flow 1', disabled: true },
  {
    id: other('tls-config'),
    type: 'tls-config',
    name: 'another',
    cert: '',
    key: '',
    ca: '',
    verifyservercert: true,
  },
  ...EDITED.filter(({ entry }) => isConfig(entry.type) && entry.id.endsWith('-1')).map(({ entry }) => ({
    ...entry,
    id: other(entry.type),
  })),
  ...EDITED.map(({ entry }, index) =>
    isConfig(entry.type) ? entry : { ...entry, z: 'tab', x: 200, y: 60 * index, wires: [] },
  ),
]

for (const version of ['4.1', '5'] as NodeRedVersion[]) {
  describe(`every field of every dialog on Node-RED ${version}`, function () {
    this.timeout(240_000)
    let editor: TestEditor
    let page: Page
    /** What was entered, by the id of the node. */
    const entered = new Map<string, readonly Field[]>()
    before(async () => {
      editor = await TestEditor.start(FLOW, {}, version)
      page = await editor.open()
    })
    after(() => editor?.stop())

    // The last test does this in both versions, with other values.
    if (version === '4.1')
      it('stays as it is when nothing is entered', async () => {
        // The editor takes a node that never had a password for changed; further below they have one.
        for (const { entry } of EDITED.filter(({ entry }) => !hasSecrets(entry))) {
          await openDialog(page, entry.id)
          await closeDialog(page, 'ok')
          assert.deepEqual(await stateOf(page, entry), { valid: true, changed: false, errors: [] }, entry.id)
        }
        assert.equal(await page.evaluate('RED.nodes.dirty()'), false)
      })

    it('takes another value', async () => {
      for (const { entry, fields } of EDITED) {
        await openDialog(page, entry.id)
        await unfold(page)
        const filled: Field[] = []
        for (const field of fields) if (await enter(page, entry, field)) filled.push(field)
        await closeDialog(page, 'ok')
        assert.deepEqual(await stateOf(page, entry), { valid: true, changed: true, errors: [] }, entry.id)
        entered.set(entry.id, filled)
      }
      const filled = new Set(
        EDITED.flatMap(({ entry }) =>
          (entered.get(entry.id) ?? []).map(({ property }) => `${entry.type}.${property}`),
        ),
      )
      const all = nodeTypes.flatMap((type) => {
        const { defaults, credentials = {} } = editorDefinition(type)
        return Object.keys({ ...defaults, ...credentials }).map((property) => `${type}.${property}`)
      })
      assert.deepEqual(
        all.filter((property) => !filled.has(property)),
        [],
        'give these a value in test/support/entered-values.ts',
      )
    })

    it('is deployed with it, and read by the runtime', async () => {
      await deploy(page)
      const flow = new Map((await editor.nodeRed.flow()).map((entry) => [entry.id, entry]))
      for (const { entry } of EDITED) {
        const deployed = flow.get(entry.id)!
        const { defaults } = editorDefinition(entry.type)
        const fields = (entered.get(entry.id) ?? []).filter(({ property }) => property in defaults)
        assert.deepEqual(
          byName(
            fields,
            fields.map(({ property }) => String(deployed[property])),
          ),
          byName(
            fields,
            fields.map(({ saved }) => String(saved)),
          ),
          entry.id,
        )
        readOptions(optionsOf(entry.type), deployed)
      }
    })

    it('has no secret in an answer, an export, a label, a choice or the page', async () => {
      const get = async (path: string): Promise<string> =>
        (await fetch(`${editor.nodeRed.editorUrl}/${path}`)).text()
      assert.ok(!(await get('flows')).includes(CANARY))
      for (const { entry } of EDITED.filter((edited) => hasSecrets(edited.entry))) {
        const answer = await get(`credentials/${entry.type}/${entry.id}`)
        assert.match(answer, /"has_password":/)
        assert.ok(!answer.includes(CANARY), answer)
      }
      const labels = await page.evaluate<string[]>(`{
        const labels = []
        const take = (node) => labels.push(RED.utils.getNodeLabel(node, node.id))
        RED.nodes.eachNode(take)
        RED.nodes.eachConfig(take)
        labels
      }`)
      assert.ok(!labels.join().includes(CANARY))
      await page.evaluate(`RED.actions.invoke('core:show-export-dialog')`)
      await page.locator('#red-ui-clipboard-dialog-export-rng-full').click()
      const exported = page.locator('#red-ui-clipboard-dialog-export-text')
      await page.waitForFunction(`$('#red-ui-clipboard-dialog-export-text').val().includes('login.example')`)
      assert.ok(!(await exported.inputValue()).includes(CANARY))
      await page.locator('#red-ui-clipboard-dialog-cancel').click()
      await exported.waitFor({ state: 'hidden' })
      assert.ok(!(await shownAnywhere(page)).includes(CANARY))
    })

    it('shows it after the page was loaded again, and stays as it is', async () => {
      await page.reload()
      await page.waitForSelector('.red-ui-flow-node')
      for (const { entry } of EDITED) {
        await openDialog(page, entry.id)
        await unfold(page)
        const fields = entered.get(entry.id) ?? []
        assert.deepEqual(
          byName(fields, await shownIn(page, entry, fields)),
          byName(fields, fields.map(shownFor)),
          entry.id,
        )
        assert.ok(!(await shownAnywhere(page)).includes(CANARY), entry.id)
        await closeDialog(page, 'ok')
        assert.deepEqual(await stateOf(page, entry), { valid: true, changed: false, errors: [] }, entry.id)
      }
      assert.equal(await page.evaluate('RED.nodes.dirty()'), false)
    })
  })
}

const stateOf = (page: Page, { id }: FlowEntry): Promise<unknown> =>
  page.evaluate(`(({ valid, changed, validationErrors }) => ({
    valid, changed: changed === true, errors: validationErrors ?? []
  }))(RED.nodes.node('${id}'))`)

/** The page, its choices among them, and what is in its fields. */
const shownAnywhere = (page: Page): Promise<string> =>
  page.evaluate(
    `document.documentElement.outerHTML + $('input, textarea').get().map((field) => field.value).join()`,
  )

const fieldIn = (page: Page, { type }: FlowEntry, name: string): Locator =>
  page.locator(`#${isConfig(type) ? 'node-config-input' : 'node-input'}-${name}`)

/** @returns whether the dialog shows the field */
async function enter(page: Page, entry: FlowEntry, field: Field): Promise<boolean> {
  const { kind, property, saved } = field
  if (kind === 'columns') {
    for (const { column, from, type } of columnsOf(field)) await addRow(page, column, from, type)
    return true
  }
  const place = fieldIn(page, entry, kind === 'quantity' ? `${property}-amount` : property)
  if (!(await place.isVisible())) return false
  if (kind === 'select') await place.selectOption(String(saved))
  else if (kind === 'check') await place.setChecked(saved === true)
  else await place.fill(kind === 'quantity' ? field.shown.amount : String(saved))
  if (kind === 'quantity') await fieldIn(page, entry, `${property}-unit`).selectOption(field.shown.unit.name)
  return true
}

const byName = (fields: readonly Field[], values: readonly unknown[]): object =>
  Object.fromEntries(fields.map(({ property }, index) => [property, values[index]]))

/** What the list calls them. */
const SOURCES: Readonly<Record<string, string>> = {
  time: 'time of the row',
  timeSource: 'origin of the time',
}

/** @returns what the fields of the open dialog show; a quantity with its unit, `null` for what cannot be seen */
async function shownIn(page: Page, { type }: FlowEntry, fields: readonly Field[]): Promise<unknown[]> {
  const prefix = isConfig(type) ? '#node-config-input-' : '#node-input-'
  const shown = await page.evaluate<unknown[]>(`${JSON.stringify(fields)}.map(({ property, kind }) => {
    const [field, amount, unit] = ['', '-amount', '-unit'].map((part) => $('${prefix}' + property + part))
    if (kind === 'quantity') return amount.is(':visible') ? amount.val() + ' ' + unit.val() : null
    if (!field.is(':visible')) return null
    return kind === 'check' ? field.prop('checked') : field.val()
  })`)
  const columns = fields.some(({ kind }) => kind === 'columns') ? await shownRows(page) : undefined
  return fields.map(({ kind }, index) => (kind === 'columns' ? columns : shown[index]))
}

function shownFor(field: Field): unknown {
  if (field.kind === 'columns')
    return columnsOf(field).map(({ column, from, type = '' }) => [
      column,
      SOURCES[from] ?? `msg.${from}`,
      type,
    ])
  if (field.kind === 'secret') return '__PWRD__'
  if (field.kind === 'quantity') return `${field.shown.amount} ${field.shown.unit.name}`
  return field.saved
}

interface Column {
  readonly column: string
  readonly from: string
  readonly type?: string
}

const columnsOf = ({ saved }: Field): Column[] => JSON.parse(String(saved)) as Column[]
