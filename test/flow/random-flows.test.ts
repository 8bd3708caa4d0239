/**
 * Random flows of our nodes and Node-RED's, with random wires, in a real Node-RED, against a model: what leaves an error
 * output, or fails, is settled only by a sink that stores it.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import type { Outcome } from '../../src/delivery/delivery'
import { func, node, sink, source, tab } from '../support/delivery-flow'
import { deliveryNodes, type TestSource } from '../support/delivery-nodes'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

const KINDS = [
  'sink',
  'debug',
  'passes',
  'ends',
  'throws',
  'reports',
  'matches',
  'rejects',
  'rejectsAndLetsGo',
] as const

interface Plan {
  readonly kind: (typeof KINDS)[number]
  /** Indices of later nodes; of the first output, or for what rejects, of the second. */
  readonly wires: readonly number[]
}

const SIZE = 7
const flows = fc.tuple(
  ...Array.from({ length: SIZE }, (_, index) =>
    fc.record<Plan>({
      kind: fc.constantFrom(...KINDS),
      wires: fc.uniqueArray(fc.integer({ min: index + 1, max: SIZE }), { maxLength: 2 }),
    }),
  ),
)

function entryOf({ kind, wires: indices }: Plan, index: number): FlowEntry {
  const id = `n${index}`
  const wires = indices.map((each) => `n${each}`)
  const topic = (pattern: string, more: object, ...outputs: string[][]): FlowEntry =>
    node(id, 'tenant-topic', { pattern, ...more }, ...outputs)
  switch (kind) {
    case 'sink':
      return sink(id)
    case 'debug':
      return node(id, 'debug', { active: true })
    case 'passes':
      return func(id, 'return msg', wires)
    case 'ends':
      return func(id, 'return null', wires)
    case 'throws':
      return func(id, 'throw new Error("bad")', wires)
    case 'reports':
      return func(id, 'node.error("bad", msg); return null', wires)
    case 'matches':
      return topic('{tenant}', {}, wires, [])
    case 'rejects':
      return topic('other/{tenant}', {}, [], wires)
    case 'rejectsAndLetsGo':
      return topic('other/{tenant}', { deadLetters: 'outputUnstored' }, [], wires)
  }
}

/** What becomes of a message that enters at a node. */
function expected(plans: readonly Plan[]): Outcome {
  const open = new Set<object>()
  let isConfirmed = false
  const enter = (index: number, carried: readonly object[]): void => {
    const plan = plans[index]
    if (plan === undefined) return
    const { kind, wires } = plan
    const sendOn = (failures = carried): void => wires.forEach((wire) => enter(wire, failures))
    if (kind === 'sink') {
      isConfirmed = true
      for (const failure of carried) open.delete(failure)
    } else if (kind === 'passes' || kind === 'matches' || (kind === 'rejectsAndLetsGo' && wires.length > 0)) {
      // What is let go no longer carries what it had failed with before.
      sendOn(kind === 'rejectsAndLetsGo' ? [] : carried)
    } else if (kind !== 'debug' && kind !== 'ends') {
      const failure = {}
      open.add(failure)
      if (kind === 'rejects') sendOn([...carried, failure])
    }
  }
  enter(0, [])
  return open.size > 0 ? 'failed' : isConfirmed ? 'delivered' : 'filtered'
}

describe('random flows in Node-RED', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  it('settle a message as the model says', async () => {
    const seen = new Set<Outcome>()
    const property = fc.asyncProperty(flows, async (plans) => {
      await loadFlow([deliveryNodes, tenantTopic], [tab, source('n0'), ...plans.map(entryOf)])
      const from = helper.getNode('source') as TestSource
      const { outcome } = await from.emitMessage({ topic: 'acme', payload: 'x' })
      await helper.unload()
      assert.equal(outcome, expected(plans))
      seen.add(outcome)
    })
    await fc.assert(property, { numRuns: 150 })
    assert.equal(seen.size, 3)
  })
})
