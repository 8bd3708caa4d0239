/**
 * Hooks of another package, there before ours, which Node-RED therefore runs first: whatever they do, a message is not
 * acknowledged unless it is stored, or the flow has ended it.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { func, node, sink, source, tab } from '../support/delivery-flow'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { helper, loadFlow, requireFromRuntime, startRuntime, stopRuntime } from '../support/runtime'

/** Longer than the grace of older nodes. */
const SLOW_MS = 300
const TIMEOUT_MS = 1000

const HOOKS: Readonly<Record<string, (event: unknown) => unknown>> = {
  throws: () => {
    throw new Error('a hook of another package')
  },
  'stops it': () => false,
  'takes its time': () => sleep(SLOW_MS),
}

describe('a message that meets a hook of another package', () => {
  let registry: { add(name: string, hook: (event: unknown) => unknown): void; remove(name: string): void }
  before(async () => {
    await startRuntime()
    registry = (requireFromRuntime('@node-red/util') as { hooks: typeof registry }).hooks
  })
  after(stopRuntime)
  afterEach(async () => {
    await helper.unload()
    registry.remove('*.foreign')
  })

  /** By a wire, past a Function node and past the router: Link out hands a message to Link in by itself. */
  const flow = [
    tab,
    source('function'),
    func('function', 'return msg', ['out']),
    node('out', 'link out', { mode: 'link', links: ['in'] }),
    node('in', 'link in', { links: ['out'] }, ['sink']),
    sink(),
  ]

  for (const [name, whats] of Object.entries({
    onSend: ['throws', 'stops it', 'takes its time'],
    preRoute: ['throws', 'takes its time'],
    preDeliver: ['stops it', 'takes its time'],
    onReceive: ['throws', 'takes its time'],
    onComplete: ['stops it', 'takes its time'],
  })) {
    for (const what of whats) {
      const hook = HOOKS[what] as (typeof HOOKS)[string]
      it(`${name}, which ${what}, is not acknowledged unless it is stored`, async () => {
        registry.add(`${name}.foreign`, (event) => hook(event))
        await loadFlow([deliveryNodes], flow)
        const from = helper.getNode('source') as TestSource
        const { outcome, error } = await from.emitMessage({ payload: 'x' }, TIMEOUT_MS)
        const { received, late } = helper.getNode('sink') as TestSink
        if (what === 'takes its time') assert.equal(outcome, 'delivered')
        if (outcome === 'delivered') assert.deepEqual([received.length, late.length], [1, 0])
        else assert.deepEqual([outcome, error?.code], ['failed', 'DELIVERY_STALLED'])
      })
    }
  }

  it('that is gone again meets none', async () => {
    await loadFlow([deliveryNodes], flow)
    const from = helper.getNode('source') as TestSource
    assert.equal((await from.emitMessage({ payload: 'x' })).outcome, 'delivered')
  })
})
