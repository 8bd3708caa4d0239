/** In a real browser: a flow that was saved before an option existed opens without an error, and shows its default. */
import assert from 'node:assert/strict'
import type { FlowEntry } from '../../dev/node-red'
import { closeDialog, openDialog } from '../../dev/dialog'
import { fresh, TestEditor } from '../support/editor'
import { editorDefinition } from '../support/package'
import { EVERY_NODE, releasedFlows } from '../support/released'
import { until } from '../support/until'

/** What a node needs to be valid, besides its defaults. */
const NODES = {
  'tenant-mqtt-source': { broker: 'broker', topic: 'a/#' },
  'tenant-topic': {},
  'tenant-kafka-producer': { cluster: 'cluster', missingTopic: 'create' },
}
/** The options that came later, or that a flow written by hand may lack. */
const LATER = ['mode', 'retained', 'maxNewTopics', 'deadLetters']

/** A node as an older version has saved it. */
function saved(type: string, change: Readonly<Record<string, unknown>> & { readonly id: string }): FlowEntry {
  const node = Object.entries(fresh(type, change)).filter(([name]) => !LATER.includes(name))
  return Object.fromEntries(node) as unknown as FlowEntry
}

/** Every node of every released version, in a flow that runs. Nothing that it connects to is there. */
const RELEASED = releasedFlows()
  .filter(({ name }) => name === EVERY_NODE)
  .flatMap(({ version, nodes }) => JSON.parse(renamed(nodes, version)) as FlowEntry[])
const NOWHERE = {
  MQTT_URL: 'mqtt://127.0.0.1:1',
  KAFKA_BROKERS: '127.0.0.1:1',
  DATABASE_URL: 'postgres://me@127.0.0.1:1/none',
}

/** The ids of the nodes are their types. */
function renamed(nodes: readonly FlowEntry[], version: string): string {
  const ids = nodes.map(({ id }) => id)
  return JSON.stringify(nodes, (key, value: unknown) =>
    key !== 'type' && ids.includes(value as string) ? `${version} ${String(value)}` : value,
  )
}

describe('the dialogs of a flow of an older version', function () {
  this.timeout(180_000)
  let editor: TestEditor
  before(async () => {
    editor = await TestEditor.start(
      [
        { id: 'tab', type: 'tab', label: 'Flow 1', disabled: true },
        ...RELEASED,
        saved('tenant-mqtt-broker', { id: 'broker', url: 'mqtt://127.0.0.1:1', clientId: 'gateway' }),
        saved('tenant-kafka-cluster', { id: 'cluster', brokers: '127.0.0.1:1' }),
        ...Object.entries(NODES).map(([type, change]) =>
          saved(type, { id: type, z: 'tab', x: 200, y: 100, wires: [], ...change }),
        ),
      ],
      NOWHERE,
    )
  })
  after(() => editor?.stop())

  it('of a released version has nothing red that is not away, in the editor and in the runtime', async () => {
    const page = await editor.open()
    const wrong = await page.evaluate(`{
      const wrong = []
      const look = (node) => {
        RED.editor.validateNode(node)
        if (!node.valid) wrong.push(node.type + ': ' + node.validationErrors.join('; '))
      }
      RED.nodes.eachConfig(look)
      RED.nodes.eachNode(look)
      wrong
    }`)
    assert.deepEqual(wrong, [])
    const { statuses } = editor.nodeRed
    const away = ['mqtt-source', 'kafka-producer', 'kafka-consumer', 'postgres-sink']
    const idsOf = (name: string): string[] =>
      RELEASED.filter(({ type }) => type === `tenant-${name}`).map(({ id }) => id)
    for (const id of away.flatMap(idsOf))
      await until(
        () => `${id} says that its server is not there: ${statuses.get(id)?.text}`,
        () => /not reachable|connection/.test(statuses.get(id)?.text ?? ''),
      )
    for (const { id } of RELEASED) assert.doesNotMatch(statuses.get(id)?.text ?? '', /check|choose|refused/)
  })

  it('show what the options mean that it does not have, and no error', async () => {
    const page = await editor.open()
    for (const type of Object.keys(NODES)) {
      await openDialog(page, type)
      for (const [name, { whenMissing }] of Object.entries(editorDefinition(type).defaults)) {
        if (!LATER.includes(name)) continue
        const shown = await page.locator(`#node-input-${name}`).inputValue()
        assert.equal(shown, String(whenMissing), `${type}.${name}`)
      }
      const wrong = page.locator('#dialog-form .input-error')
      assert.deepEqual(await wrong.evaluateAll((fields) => fields.map(({ id }) => id)), [], type)
      await closeDialog(page, 'cancel')
    }
  })
})
