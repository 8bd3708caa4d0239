/**
 * The node `tenant-topic`: reads tenant, project and device out of the MQTT topic and says which Kafka topic and
 * key a message gets. What does not match leaves by the second output, with the reason.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import type { Message } from '../../src/delivery/message-link'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { CountLog } from '../../src/runtime/count-log'
import { EventLog } from '../../src/runtime/event-log'
import { messageError } from '../../src/runtime/message-error'
import { readOptions } from '../../src/runtime/options'
import { StatusLine } from '../../src/runtime/status-line'
import { isBatch } from '../../src/runtime/wire'
import { routeMessage } from '../../src/tenant/route-message'
import { TopicRouter } from '../../src/tenant/topic-router'
import { options } from './options'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }

type Emit = (outputs: (Message | Message[] | null)[]) => void

export = function (RED: NodeAPI): void {
  RED.nodes.registerType('tenant-topic', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    const node = this as WiredNode
    const status = new StatusLine((shown) => node.status(shown))
    const log = new EventLog(node)
    const counted = new CountLog(log, {
      code: 'UNMATCHED',
      text: (count) => `${count} ${count === 1 ? 'MQTT topic does' : 'MQTT topics do'} not match the pattern`,
    })
    let unmatched = 0

    let router: TopicRouter | undefined
    let refused: PipelineError | undefined
    try {
      router = new TopicRouter(readOptions(options, config))
      status.set({})
    } catch (error) {
      const { code, message, statusText } = asPipelineError(error)
      // The message is fine, the node is not: it may be tried again when the node has been mended.
      refused = new PipelineError(code, message, { retryable: true, statusText, cause: error })
      log.problem('CONFIG_REFUSED', refused)
      status.set({ fill: 'red', shape: 'ring', text: statusText })
    }

    node.on('input', (msg, send, done) => {
      if (router === undefined) {
        done(refused)
        return
      }
      const message = msg as Message
      const { routed, unrouted } = routeMessage(router, message)
      const emit = send as Emit
      const first = unrouted[0]
      if (first === undefined) {
        emit([message])
        done()
        return
      }
      unmatched += unrouted.length
      counted.add(unrouted.length)
      status.set({ fill: 'yellow', shape: 'dot', text: `${unmatched.toLocaleString('en')} not matched` })
      const rejects = unrouted.map((reject) =>
        Object.assign(reject.message, { error: messageError(reject.error, node) }),
      )
      if ((node.wires[1]?.length ?? 0) > 0) {
        emit([routed ?? null, rejects])
        done()
        return
      }
      // Nobody takes them: the rest goes on, and a Catch node gets the batch with only what did not match.
      if (routed !== undefined) emit([{ ...routed }])
      if (isBatch(message)) (message as Message).payload = rejects
      done(first.error)
    })

    node.on('close', (_removed: boolean, done: () => void) => {
      counted.close()
      status.close()
      done()
    })
  })
}
