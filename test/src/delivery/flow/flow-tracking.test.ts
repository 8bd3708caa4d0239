/** What tracking asks of Node-RED, counted: a lookup for each message would be slow in a large flow. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { FlowTracking } from '../../../../src/delivery/flow/flow-tracking'
import { link } from '../../../../src/delivery/message-link'
import type { Message } from '../../../../src/wire/message'
import type { Settlement } from '../../../../src/delivery/delivery'
import type { Events } from '../../../../src/runtime/host'

interface Config {
  readonly id: string
  readonly type: string
  readonly z?: string
  d?: boolean
  disabled?: boolean
}

function setUp(configs: readonly Config[]) {
  const events = new EventEmitter()
  const hooks = new Map<string, (event: never) => void>()
  const asked = { nodes: 0, configs: 0 }
  const tracking = new FlowTracking({
    hooks: {
      add: (name: string, handler: (event: never) => void) =>
        void hooks.set(name.split('.')[0] ?? '', handler),
      remove: () => undefined,
      has: () => false,
    },
    events: events as unknown as Events,
    nodes: {
      getNode: () => {
        asked.nodes++
        return null
      },
      eachNode: (callback) => {
        for (const config of configs) {
          asked.configs++
          callback(config)
        }
      },
    },
  })
  const release = tracking.acquire(() => undefined)
  /** Sends a message to a node that Node-RED does not find. */
  const send = (id: string): Promise<Settlement> =>
    new Promise((resolve) => {
      const delivery = tracking.tracker.openDelivery(String(Math.random()), 'source', 60_000, resolve)
      const msg: Message = {}
      link(msg, delivery)
      const event = { msg, source: { id: 'source', node: { id: 'source' } }, destination: { id } }
      hooks.get('onSend')?.([event] as never)
      tracking.tracker.emitted(delivery)
    })
  return { asked, events, release, send }
}

const TAB: Config = { id: 'tab', type: 'tab' }

describe('a wire to a disabled node', () => {
  it('costs a walk over the flow once in a deploy, not for each message', async () => {
    const others = Array.from({ length: 200 }, (_, index) => ({ id: `n${index}`, type: 'debug', z: 'tab' }))
    const { asked, release, send } = setUp([TAB, { id: 'off', type: 'debug', z: 'tab', d: true }, ...others])
    for (let count = 0; count < 100; count++) assert.equal((await send('off')).outcome, 'filtered')
    assert.equal(asked.configs, others.length + 2)
    assert.equal(asked.nodes, 1)
    release()
  })

  it('is looked at again after a deploy', async () => {
    const node: Config = { id: 'n', type: 'debug', z: 'tab', d: true }
    const { events, release, send } = setUp([TAB, node])
    assert.equal((await send('n')).outcome, 'filtered')
    events.emit('flows:stopping')
    node.d = false
    events.emit('flows:started')
    assert.equal((await send('n')).outcome, 'failed')
    release()
  })

  it('is one as well when its tab is disabled', async () => {
    const { release, send } = setUp([
      { ...TAB, disabled: true },
      { id: 'n', type: 'debug', z: 'tab' },
    ])
    assert.equal((await send('n')).outcome, 'filtered')
    release()
  })
})
