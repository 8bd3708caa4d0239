/**
 * A source and a sink for flow tests of the delivery tracker: the smallest nodes that keep its contract, so that
 * what a test sees comes from Node-RED's own nodes between them.
 */
import { receive, type Receipt } from '../../src/delivery/sinks/receipt'
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import type { Delivery, Settlement } from '../../src/delivery/delivery'
import { flowTracking, type FlowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import type { Message } from '../../src/wire/message'
import { PipelineError } from '../../src/wire/errors'

export interface TestSource extends Node {
  tracking: FlowTracking
  /** Sends a message and resolves when its delivery is settled. */
  emitMessage(message: Message, timeoutMs?: number): Promise<Settlement>
}

export interface HeldCopy {
  message: Message
  confirm(): void
}

export interface TestSink extends Node {
  received: Message[]
  /** Set: the sink keeps what it gets here instead of confirming it. */
  holding: HeldCopy[] | undefined
  /** Set: the sink fails what it gets with this error. */
  failure: PipelineError | undefined
  /** Deliveries that were settled when their copy arrived. */
  late: Delivery[]
}

let nextId = 0

export function deliveryNodes(RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)

  function Source(this: TestSource, config: NodeDef) {
    RED.nodes.createNode(this, config)
    const release = tracking.acquire(() => undefined)
    this.tracking = tracking
    this.emitMessage = (message, timeoutMs = 5000) =>
      new Promise((onSettled) =>
        tracking.tracker.emit({
          id: `test-${nextId++}`,
          nodeId: this.id,
          timeoutMs,
          compose: () => message,
          send: (composed) => this.send(composed as NodeMessage),
          onSettled,
        }),
      )
    this.on('close', (_removed: boolean, done: () => void) => {
      tracking.tracker.abandon(this.id)
      release()
      done()
    })
  }
  RED.nodes.registerType('test-source', Source as never)

  function Sink(this: TestSink, config: NodeDef) {
    RED.nodes.createNode(this, config)
    this.received = []
    this.late = []
    this.on('input', (message, _send, done) => {
      const msg = message as Message
      const { tracker } = tracking
      this.received.push(msg)
      let receipt: Receipt | undefined
      try {
        receipt = receive(tracker, msg)
      } catch (thrown) {
        return done(thrown as Error)
      }
      if (receipt?.delivery === undefined) return done()
      if (receipt.isLate) {
        this.late.push(receipt.delivery)
        return done()
      }
      if (this.failure !== undefined) {
        receipt.release()
        return done(this.failure)
      }
      const confirm = () => {
        receipt.confirm()
        done()
      }
      if (this.holding === undefined) confirm()
      else this.holding.push({ message: msg, confirm })
    })
    this.on('close', (_removed: boolean, done: () => void) => done())
  }
  RED.nodes.registerType('test-sink', Sink as never)

  /** An old-fashioned node: one argument, never done, sends on after a while. */
  function OldNode(this: Node, config: NodeDef & { delayMs: number }) {
    RED.nodes.createNode(this, config)
    const timers = new Set<NodeJS.Timeout>()
    this.on('input', (msg) => {
      timers.add(setTimeout(() => this.send(msg), config.delayMs))
    })
    this.on('close', () => timers.forEach((timer) => clearTimeout(timer)))
  }
  RED.nodes.registerType('test-old-node', OldNode as never)
}
