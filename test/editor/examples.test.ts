/**
 * In a real browser, on both versions of Node-RED: every example is imported as a user does, one after the other into the same
 * workspace, and deployed at once. No type is missing, nothing is red, and nothing has to be entered first.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import type { Page } from 'playwright-core'
import type { FlowEntry } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { deploy } from '../../dev/dialog'
import { importExample, TestEditor } from '../support/editor'
import { exampleFiles, readJson } from '../support/package'

/** Nothing listens there. */
const NOWHERE = {
  MQTT_URL: 'mqtt://127.0.0.1:1',
  KAFKA_BROKERS: '127.0.0.1:1',
  DATABASE_URL: 'postgres://127.0.0.1:1/none',
}
const EXAMPLES = exampleFiles().map((file) => ({
  name: path.basename(file, '.json'),
  entries: readJson(file) as readonly FlowEntry[],
}))

for (const version of ['4.1', '5'] as NodeRedVersion[]) {
  describe(`the examples in the editor of Node-RED ${version}`, function () {
    this.timeout(120_000)
    let editor: TestEditor
    let page: Page
    before(async () => {
      editor = await TestEditor.start([{ id: 'empty', type: 'tab', label: 'Flow 1' }], NOWHERE, version)
      page = await editor.open('.red-ui-palette-node[data-palette-type="tenant-topic"]')
    })
    after(() => editor?.stop())

    for (const { name, entries } of EXAMPLES)
      it(`has all of "${name}" after Menu → Import → Examples, and nothing is red`, async () => {
        const before = new Set((await nodesIn(page)).map(({ id }) => id))
        await importExample(page, name)
        const imported = (await nodesIn(page)).filter(({ id }) => !before.has(id))
        const types = (all: readonly { readonly type: string }[]): string[] =>
          all.map(({ type }) => type).sort()
        const nodes = entries.filter(({ type }) => !['tab', 'subflow', 'group'].includes(type))
        // The ids of subflows change.
        const known = ({ type }: { readonly type: string }): boolean => !type.startsWith('subflow:')
        assert.deepEqual(types(imported.filter(known)), types(nodes.filter(known)))
        assert.deepEqual(
          imported.filter(({ errors }) => errors !== ''),
          [],
        )
      })

    it('are deployed together, without a question', async () => {
      await deploy(page)
      const tabs = (await editor.nodeRed.flow()).filter(({ type }) => type === 'tab')
      assert.deepEqual(
        tabs.map(({ label }) => label),
        ['Flow 1', ...EXAMPLES.map(({ name }) => name)],
      )
      assert.equal(editor.nodeRed.running, true)
    })
  })
}

interface ShownNode {
  readonly id: string
  readonly type: string
  /** What is wrong with it, or that its type is unknown. */
  readonly errors: string
}

/** All nodes, and configuration nodes. */
async function nodesIn(page: Page): Promise<ShownNode[]> {
  return page.evaluate<ShownNode[]>(`(() => {
    const nodes = []
    const take = (node) => nodes.push({
      id: node.id,
      type: node.type,
      errors: node.type === 'unknown' ? 'unknown ' + node.name : node.valid ? '' : (node.validationErrors ?? []).join('; ') || 'not valid',
    })
    RED.nodes.eachNode(take)
    RED.nodes.eachConfig(take)
    return nodes
  })()`)
}
