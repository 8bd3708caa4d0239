/**
 * What delivery tracking costs: messages through Node-RED's own wires, with and without a delivery, past 0, 1 and
 * 3 nodes that pass them on. The sink confirms at once, so that nothing but the wires and the tracking is timed.
 *
 *     npx tsx bench/tracking.ts [messages=100000]
 */
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../src/delivery/flow/flow-tracking'
import { link } from '../src/delivery/message-link'
import type { Message } from '../src/wire/message'

const messages = Number(process.argv[2] ?? 100_000)
const WINDOW = 1000
const ROUNDS = 5

interface Runtime extends NodeAPI {
  init(server: unknown, settings: object): void
  start(): Promise<void>
  stop(): Promise<void>
  runtime: { flows: { setFlows(options: object): Promise<unknown> } }
}
type Run = (tracked: boolean) => Promise<number>

/** Set by the source of the flow that runs. */
let run: Run | undefined

/** Registers the three nodes; the source offers `run`, which resolves to the nanoseconds a message took. */
function registerNodes(RED: NodeAPI, register: (type: string, constructor: unknown) => void): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  let onReceived = (): void => undefined

  register('bench-source', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    tracking.acquire(() => undefined)
    run = (tracked) =>
      new Promise((resolve) => {
        let sent = 0
        let ended = 0
        const startedAt = process.hrtime.bigint()
        const onEnded = (): void => {
          if (++ended === messages) resolve(Number(process.hrtime.bigint() - startedAt) / messages)
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

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function main(): Promise<void> {
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
  for (const hops of [0, 1, 3]) {
    run = undefined
    await RED.runtime.flows.setFlows({ flows: { flows: flowOf(hops) }, deploymentType: 'full' })
    while (run === undefined) await sleep(10)
    const measure: Run = run
    const [plain, tracked]: [number[], number[]] = [[], []]
    await measure(true)
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(await measure(false))
      tracked.push(await measure(true))
    }
    const [without, withIt] = [median(plain) / 1000, median(tracked) / 1000]
    const figures = `${without.toFixed(2)} µs a message without, ${withIt.toFixed(2)} µs with a delivery`
    console.log(`${hops} nodes between: ${figures}, tracking ${(withIt - without).toFixed(2)} µs`)
  }
  await RED.stop()
  rmSync(userDir, { recursive: true, force: true })
}

void main().then(() => process.exit())
