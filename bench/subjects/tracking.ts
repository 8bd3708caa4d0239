/**
 * Messages through Node-RED's own wires, with and without a delivery, past a number of nodes that pass them along. The sink
 * confirms at once, so that nothing but the wires and the tracking takes time. A process of its own, which gets a `TrackingPlan`
 * as its argument; it tells its parent a `TrackingTimes`.
 */
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { link } from '../../src/delivery/message-link'
import type { Message } from '../../src/wire/message'

export interface TrackingPlan {
  readonly messages: number
  /** Nodes between the source and the sink. */
  readonly hops: number
  readonly tracked: boolean
}

export interface TrackingTimes {
  readonly seconds: number
  readonly cpuMicros: number
  readonly rss: number
}

const WINDOW = 1000

interface Runtime extends NodeAPI {
  init(server: unknown, settings: object): void
  start(): Promise<void>
  stop(): Promise<void>
  runtime: { flows: { setFlows(options: object): Promise<unknown> } }
}
type Run = (messages: number, tracked: boolean) => Promise<void>

/** Set by the source of the flow that runs. */
let run: Run | undefined

/** Registers the three nodes; the source offers `run`, which resolves when all messages have arrived. */
function registerNodes(RED: NodeAPI, register: (type: string, constructor: unknown) => void): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  let onReceived = (): void => undefined

  register('bench-source', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    tracking.acquire(() => undefined)
    run = (messages, tracked) =>
      new Promise((resolve) => {
        let sent = 0
        let ended = 0
        const onEnded = (): void => {
          if (++ended === messages) resolve()
          else sendUpTo()
        }
        onReceived = tracked ? () => undefined : onEnded
        const sendUpTo = (): void => {
          while (sent < messages && sent - ended < WINDOW) {
            const message: Message = { _msgid: `bench-${sent++}`, topic: 'a/b/c', payload: 'x' }
            if (!tracked) {
              this.send(message as NodeMessage)
              continue
            }
            const delivery = tracking.tracker.openDelivery(message._msgid!, this.id, 60_000, onEnded)
            link(message, delivery)
            this.send(message as NodeMessage)
            tracking.tracker.emitted(delivery)
          }
        }
        sendUpTo()
      })
  })
  register('bench-pass', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    this.on('input', (message, send, done) => {
      send(message)
      done()
    })
  })
  register('bench-sink', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    this.on('input', (message, _send, done) => {
      const delivery = tracking.tracker.find(message as Message)
      if (delivery !== undefined) {
        tracking.tracker.hold(delivery)
        tracking.tracker.confirm(delivery, message as Message)
      }
      done()
      onReceived()
    })
  })
}

function flowOf(hops: number): object[] {
  const wireTo = (index: number): string => (index < hops ? `pass-${index}` : 'sink')
  const place = { z: 'tab', x: 100, y: 100 }
  const passes = Array.from({ length: hops }, (_, index) => ({
    ...place,
    id: `pass-${index}`,
    type: 'bench-pass',
    wires: [[wireTo(index + 1)]],
  }))
  return [
    { id: 'tab', type: 'tab', label: 'bench' },
    { ...place, id: 'source', type: 'bench-source', wires: [[wireTo(0)]] },
    ...passes,
    { ...place, id: 'sink', type: 'bench-sink', wires: [] },
  ]
}

async function main({ messages, hops, tracked }: TrackingPlan): Promise<TrackingTimes> {
  const RED = createRequire(__filename)('node-red') as Runtime
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  RED.init(createServer(), {
    userDir,
    httpAdminRoot: false,
    httpNodeRoot: false,
    logging: { console: { level: 'off' } },
  })
  let ready = false
  RED.events.once('flows:started', () => (ready = true))
  await RED.start()
  while (!ready) await sleep(10)
  const nodes = createRequire(__filename)('@node-red/runtime/lib/nodes') as {
    registerType(set: string, type: string, constructor: unknown): void
  }
  registerNodes(RED, (type, constructor) => nodes.registerType('bench', type, constructor))
  await RED.runtime.flows.setFlows({ flows: { flows: flowOf(hops) }, deploymentType: 'full' })
  while (run === undefined) await sleep(10)
  const measure: Run = run
  await measure(messages / 5, tracked)
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  await measure(messages, tracked)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await RED.stop()
  rmSync(userDir, { recursive: true, force: true })
  return { seconds, cpuMicros: user + system, rss: process.memoryUsage.rss() }
}

void main(JSON.parse(process.argv[2]!) as TrackingPlan).then((times) =>
  process.send?.(times, () => process.exit()),
)
