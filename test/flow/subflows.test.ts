/** Nodes of ours inside subflows, in a real Node-RED: under which ids they run, and what a dialog is answered. */
import assert from 'node:assert/strict'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { riskyNodesBehind } from '../../src/delivery/flow/flow-check'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { entryOf, runtimeIds } from '../../src/runtime/subflows'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

const TYPE = 'test-asked'
const entries: FlowEntry[] = [
  { id: 'tab', type: 'tab' },
  { id: 'plain', type: TYPE, z: 'tab', wires: [[]] },
  { id: 'outer', type: 'subflow', name: 'outer', in: [], out: [{ wires: [{ id: 'nested', port: 0 }] }] },
  { id: 'nested', type: 'subflow:inner', z: 'outer', wires: [[]] },
  { id: 'inner', type: 'subflow', name: 'inner', in: [], out: [{ wires: [{ id: 'asked', port: 0 }] }] },
  { id: 'asked', type: TYPE, z: 'inner', wires: [[]] },
  { id: 'one', type: 'subflow:inner', z: 'tab', wires: [['join']] },
  { id: 'two', type: 'subflow:outer', z: 'tab', wires: [[]] },
  { id: 'join', type: 'join', z: 'tab', wires: [[]] },
]

function asked(RED: NodeAPI): void {
  RED.nodes.registerType(TYPE, function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
  })
  addAdminRoute<Node>(RED, {
    type: TYPE,
    action: 'ask',
    permission: 'read',
    answer: (node, { of }) => {
      if (of !== undefined && of !== node.id) throw new Error('not this one')
      return Promise.resolve({ id: node.id, list: [node.id] })
    },
  })
}

interface Request {
  post(path: string): { send(body: object): Promise<{ status: number; body: unknown }> }
}

describe('a node in a subflow', () => {
  before(startRuntime)
  after(stopRuntime)
  beforeEach(() => loadFlow([asked], entries))
  afterEach(() => helper.unload())
  const ask = async (id: string, body = {}): Promise<unknown> =>
    (await (helper.request() as Request).post(`/${TYPE}/${id}/ask`).send(body)).body

  it('is found again by its entry in the flow file, and that by the id under which it runs', () => {
    assert.deepEqual(runtimeIds('plain', entries), ['plain'])
    assert.deepEqual(runtimeIds('asked', entries), ['two-nested-asked', 'one-asked'])
    for (const id of runtimeIds('asked', entries)) {
      assert.equal((helper.getNode(id) as Node).type, TYPE)
      assert.equal(entryOf(id, entries)?.entry.id, 'asked')
    }
    assert.deepEqual(
      entryOf('two-nested-asked', entries)?.instances.map(({ id }) => id),
      ['nested', 'two'],
    )
    assert.equal(entryOf('three-asked', entries), undefined)
  })

  it('answers its dialog; of several instances each does, and lists are put together', async () => {
    assert.deepEqual(await ask('plain'), { id: 'plain', list: ['plain'] })
    assert.deepEqual(await ask('asked'), { id: 'two-nested-asked', list: ['two-nested-asked', 'one-asked'] })
    assert.deepEqual(await ask('asked', { of: 'one-asked' }), { id: 'one-asked', list: ['one-asked'] })
    assert.equal(((await ask('elsewhere')) as { code: string }).code, 'NOT_DEPLOYED')
  })

  it('hears of a Join downstream of the subflow', () => {
    const flow = entries as unknown as Parameters<typeof riskyNodesBehind>[1]
    assert.deepEqual(
      riskyNodesBehind('one-asked', flow).map(({ id }) => id),
      ['join'],
    )
    assert.deepEqual(riskyNodesBehind('two-nested-asked', flow), [])
  })
})
