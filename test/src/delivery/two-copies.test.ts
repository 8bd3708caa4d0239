/** Two installed copies of this package in one Node-RED, each with modules of its own. */
import { receive } from '../../../src/delivery/sinks/receipt'
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import type { FlowTracking, TrackingRuntime } from '../../../src/delivery/flow/flow-tracking'
import { link } from '../../../src/delivery/message-link'
import type { Message } from '../../../src/wire/message'

type Module = typeof import('../../../src/delivery/flow/flow-tracking')

const load = createRequire(__filename)

/** The module, loaded again with all that it needs. */
function copyOfPackage(): Module {
  const loaded = { ...load.cache }
  for (const path of Object.keys(loaded)) if (path.includes('/src/')) delete load.cache[path]
  const copy = load('../../../src/delivery/flow/flow-tracking') as Module
  Object.assign(load.cache, loaded)
  return copy
}

/** Node-RED's registry, which takes each label once for each hook. */
function runtimeWithHooks(taken: readonly string[] = []): TrackingRuntime & { added: string[] } {
  const added = [...taken]
  return {
    added,
    hooks: {
      add: (name) => {
        if (added.includes(name)) throw new Error(`Hook ${name} already registered`)
        added.push(name)
      },
      has: (name) => added.includes(name),
      remove: () => void added.splice(0),
    },
    events: new EventEmitter() as never,
    nodes: { getNode: () => null, eachNode: () => undefined },
  }
}

describe('two installed copies of the package', () => {
  it('share one tracking: a source of one is known to the sinks of the other', () => {
    const runtime = runtimeWithHooks()
    const [first, second] = [copyOfPackage(), copyOfPackage()]
    assert.notEqual(first.FlowTracking, second.FlowTracking)
    const tracking: FlowTracking = first.flowTracking(runtime)
    assert.equal(second.flowTracking(runtime), tracking)
    const release = second.flowTracking(runtime).acquire(() => undefined)
    const again = tracking.acquire(() => undefined)
    const message: Message = {}
    const delivery = tracking.tracker.openDelivery('id', 'source', 1000, () => undefined)
    link(message, delivery)
    assert.equal(receive(second.flowTracking(runtime).tracker, message)?.delivery, delivery)
    for (const end of [release, again]) end()
  })

  it('do not run together when they are of versions that do not understand each other', () => {
    const runtime = runtimeWithHooks(['onSend.tenant-pipeline'])
    const tracking = copyOfPackage().flowTracking(runtime)
    for (let source = 0; source < 2; source++) {
      assert.throws(() => tracking.acquire(() => undefined), { code: 'PACKAGE_TWICE', retryable: false })
    }
  })
})
