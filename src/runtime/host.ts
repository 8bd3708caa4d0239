/**
 * The parts of Node-RED's runtime which the library uses, as plain shapes: `src/` never imports `node-red`, so
 * that all of it can be tested without a runtime. The adapters in `nodes/` hand the real objects in.
 */
import type { Message } from '../wire/message'

/** A node of the flow, as far as the tracker needs it. The object identity matters: a redeploy replaces it. */
export interface FlowNode {
  readonly id: string
  readonly type?: string
}

/** One message on its way from a node to another (`RED.hooks`: onSend, preRoute, preDeliver). */
export interface SendEvent {
  readonly msg: Message
  readonly source: { readonly id: string; readonly node: RuntimeNode }
  readonly destination: { readonly id: string; readonly node: RuntimeNode | undefined | null }
}

export interface ReceiveEvent {
  readonly msg: Message
  readonly destination: { readonly id: string; readonly node: RuntimeNode }
}

export interface CompleteEvent {
  readonly msg: Message
  readonly error?: unknown
  readonly node: { readonly id: string; readonly node: RuntimeNode }
}

export interface RuntimeNode extends FlowNode {
  /** Set by the runtime when the node has one `input` listener. Private, but the only sign of its arity. */
  readonly _inputCallback?: { readonly length: number } | null
}

export interface Hooks {
  add(name: string, handler: (event: never) => void): void
  remove(name: string): void
  has(name: string): boolean
}

export interface Events {
  on(event: string, listener: (payload: never) => void): unknown
}

/** As Node-RED shows it. */
export interface NodeStatus {
  fill?: 'red' | 'green' | 'yellow' | 'blue' | 'grey'
  shape?: 'dot' | 'ring'
  text?: string
}
