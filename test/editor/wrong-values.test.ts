/** In a real browser: whatever is wrong in a dialog, a sentence below the field says why, and so does the warning at the deploy. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { closeDialog, openDialog, unfold } from '../../dev/dialog'
import { fresh, picture, TestEditor } from '../support/editor'
import { editorDefinition, nodeTypes, optionsOf } from '../support/package'
import { wrongValues, type WrongValue } from '../support/wrong-values'

/** What a node needs besides its defaults. */
const NEEDED: Readonly<Record<string, object>> = {
  'tenant-mqtt-broker': { url: 'mqtt://127.0.0.1:1', clientId: 'gateway' },
  'tenant-mqtt-source': { broker: 'tenant-mqtt-broker', topic: 'a/#' },
  'tenant-kafka-cluster': { brokers: '127.0.0.1:1' },
  'tenant-kafka-producer': { cluster: 'tenant-kafka-cluster' },
  'tenant-kafka-consumer': { cluster: 'tenant-kafka-cluster', topics: 'a', group: 'g' },
  'tenant-postgres': { address: 'url', url: 'postgres://me@127.0.0.1:1/db', databaseName: 'db', user: 'me' },
  'tenant-postgres-sink': { database: 'tenant-postgres' },
  'tenant-rollup': { database: 'tenant-postgres' },
  'tenant-postgres-apply': {
    database: 'tenant-postgres',
    statement: 'select $1::text',
    parameters: 'payload',
    ledgerName: 'texts',
  },
  'tenant-dead-letter': { cluster: 'tenant-kafka-cluster', database: 'tenant-postgres' },
  'tenant-dead-letter-source': { database: 'tenant-postgres' },
}
const REFERENCES = nodeTypes.flatMap((type) =>
  Object.entries(editorDefinition(type).defaults).flatMap(([property, { type: chosen }]) =>
    chosen?.startsWith('tenant-') === true ? [{ type, property }] : [],
  ),
)

describe('a wrong value in the editor', function () {
  this.timeout(240_000)
  let editor: TestEditor
  let page: Page
  before(async () => {
    editor = await TestEditor.start([
      { id: 'tab', type: 'tab', label: 'Flow 1', disabled: true },
      ...nodeTypes.map((type) => {
        const isDrawn = editorDefinition(type).category !== 'config'
        return fresh(type, {
          id: type,
          ...NEEDED[type],
          ...(isDrawn && { z: 'tab', x: 200, y: 100, wires: [] }),
        })
      }),
    ])
    page = await editor.open()
  })
  after(() => editor?.stop())

  for (const type of nodeTypes) {
    it(`has its reason below the field, in ${type}`, async () => {
      const prefix = await open(page, type)
      const found = await typeEach(page, prefix, firstWrong(type))
      await closeDialog(page, 'cancel')
      for (const { property, value, words, isRed, others } of found) {
        assert.match(words, /^(?!.*(shared\.|tenant-.*\.|__)).{10,}/, `${property} = ${value}: "${words}"`)
        assert.ok(isRed, `${property} = ${value} is not red`)
        assert.deepEqual(others, [], `wrong beside ${property}, or before it`)
      }
    })
  }

  it('shows its reason as one types, and no longer when it is right', async () => {
    await open(page, 'tenant-mqtt-source')
    const field = page.locator('#node-input-topic')
    await field.fill('plant/#/x')
    const reason = page.locator('#node-input-topic-reason')
    await reason.getByText('expected a topic filter such as').waitFor()
    assert.equal(await field.getAttribute('aria-describedby'), 'node-input-topic-reason')
    await picture(page, 'wrong-typed')
    await field.fill('plant/#')
    await reason.waitFor({ state: 'hidden' })
    await closeDialog(page, 'cancel')
  })

  it('of any kind has its reason in the tooltip of the node, and in the warning at a deploy', async () => {
    for (const wrong of [...wrongValues(), ...REFERENCES.flatMap(lostReferences)]) {
      const errors = await setAndValidate(page, wrong)
      const message = `${wrong.type}.${wrong.property} = ${JSON.stringify(wrong.value)}: ${errors.join('; ')}`
      assert.ok(
        errors.some((words) => /^[^:]+: .{10,}/.test(words) && !words.includes('shared.')),
        message,
      )
    }
    await page.evaluate(`{
      RED.nodes.workspace('tab').disabled = false
      RED.nodes.node('tenant-topic').pattern = '<img src=x onerror=alert(1)>'
      RED.nodes.node('tenant-dead-letter').cluster = ''
      RED.nodes.eachNode((node) => void RED.editor.validateNode(node))
      RED.nodes.dirty(true)
    }`)
    await page.locator('#red-ui-header-button-deploy').click()
    const warning = page.locator('.red-ui-deploy-dialog-confirm-list')
    await warning.waitFor()
    await page.locator('#red-ui-notifications').getByRole('button').first().hover()
    await picture(page, 'wrong-deploy')
    const words = await warning.innerText()
    assert.match(
      words,
      /tenant topic \(tenant-topic\)\s+Topic pattern: expected a topic pattern with \{tenant\}/,
    )
    assert.match(words, /\(tenant-dead-letter\)\s+Kafka: choose a configuration node/)
    assert.equal(await page.locator('.red-ui-notification img').count(), 0)
  })
})

/**
 * A select or a checkbox takes nothing else; both may be wrong in a flow that is imported. The list of columns shows its reasons
 * itself: `postgres-dialogs.test.ts`.
 */
function isTyped({ type, property, value }: WrongValue): boolean {
  const { kind } = optionsOf(type)[property] ?? {}
  if (property === 'columns') return false
  return kind === 'integer' || kind === 'text' || value === true
}

function lostReferences({ type, property }: { type: string; property: string }): WrongValue[] {
  const target = property === 'database' ? 'table' : 'kafka'
  const others = type === 'tenant-dead-letter' ? { target } : {}
  const isOptional = type === 'tenant-kafka-consumer' && property === 'database'
  return ['gone', ...(isOptional ? [] : ['', '_ADD_'])].map((value) => ({ type, property, value, others }))
}

const valid = (type: string, property: string): unknown =>
  (NEEDED[type] as Record<string, unknown> | undefined)?.[property] ??
  editorDefinition(type).defaults[property]?.value

async function open(page: Page, type: string): Promise<string> {
  const isConfig = editorDefinition(type).category === 'config'
  const prefix = isConfig ? 'node-config-input-' : 'node-input-'
  await openDialog(page, type)
  // The fields of a node with credentials are filled later.
  await page.locator(`#${prefix}name[aria-invalid]`).waitFor()
  await unfold(page)
  return prefix
}

interface Found {
  readonly property: string
  readonly value: string
  readonly words: string
  readonly isRed: boolean
  /** Other fields that are wrong then, and all that are when it is right again. */
  readonly others: readonly string[]
}

/** Sets one field after the other, and each back again. */
function typeEach(page: Page, prefix: string, values: readonly WrongValue[]): Promise<Found[]> {
  const steps = values.map(({ type, property, value, others }) => {
    const change = { ...others, [property]: value }
    const back = Object.fromEntries(Object.keys(change).map((name) => [name, valid(type, name)]))
    return { property, change, back }
  })
  return page.evaluate(`{
    const set = (values) => {
      for (const [name, value] of Object.entries(values)) {
        const field = $('#${prefix}' + name)
        if (field.is(':checkbox')) field.prop('checked', value)
        else field.val(String(value))
        field.trigger('input').trigger('change')
      }
    }
    // A number with a unit is shown in place of the field that is saved.
    const wrong = () => $('.tenant-pipeline-dialog [aria-invalid=true]:not([id$=-amount])').get();
    ${JSON.stringify(steps)}.map(({ property, change, back }) => {
      set(change)
      const field = $('#${prefix}' + property)
      const found = {
        property,
        value: JSON.stringify(change),
        words: $('#' + field.attr('aria-describedby')).filter((_, place) => place.style.display !== 'none').text(),
        isRed: field.hasClass('input-error'),
        others: wrong().filter((other) => other !== field[0]).map(({ id }) => id),
      }
      set(back)
      return { ...found, others: [...found.others, ...wrong().map(({ id }) => id)] }
    })
  }`)
}

/** One of each option: the others are tried without a browser. */
function firstWrong(type: string): WrongValue[] {
  const all = wrongValues().filter((wrong) => wrong.type === type && isTyped(wrong))
  return all.filter(({ property }, index) => all.findIndex((other) => other.property === property) === index)
}

/** @returns what the editor has found, after everything is as it was */
function setAndValidate(page: Page, { type, property, value, others }: WrongValue): Promise<string[]> {
  return page.evaluate(`{
    const node = RED.nodes.node('${type}')
    const change = ${JSON.stringify({ ...others, [property]: value })}
    const before = Object.fromEntries(Object.keys(change).map((name) => [name, node[name]]))
    Object.assign(node, change)
    RED.editor.validateNode(node)
    const errors = node.validationErrors
    Object.assign(node, before)
    RED.editor.validateNode(node)
    errors
  }`)
}
