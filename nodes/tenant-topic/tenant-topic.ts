/**
 * The node `tenant-topic`: reads tenant, project and device out of the MQTT topic and says which Kafka topic and
 * key a message gets. What does not match leaves by the second output, with the reason.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import type { Message } from '../../src/wire/message'
import { failRecords, rejectedMessage } from '../../src/delivery/rejected-message'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { CountLog } from '../../src/log/count-log'
import { EventLog } from '../../src/log/event-log'
import { closeHandler, inputHandler } from '../../src/runtime/handlers'
import { messageError } from '../../src/wire/message-error'
import { readOptions } from '../../src/config/options'
import { StatusLine } from '../../src/runtime/status-line'
import { reserveTopic } from '../../src/tenant/reserved-topics'
import { routeMessage } from '../../src/tenant/route-message'
import { TopicRouter } from '../../src/tenant/topic-router'
import { options } from './options'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }

type Emit = (outputs: (Message | Message[] | null)[]) => void

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

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
    let release: (() => void) | undefined
    let refused: PipelineError | undefined
    const rejecter = {
      tracker,
      nodeId: node.id,
      describe: (error: PipelineError) => messageError(error, node),
      mayEnd: false,
    }
    try {
      const { deadLetters, ...routing } = readOptions(options, config)
      router = new TopicRouter(routing)
      if (routing.strategy === 'shared') release = reserveTopic(routing.kafkaTopic)
      rejecter.mayEnd = deadLetters === 'outputUnstored'
      status.set({})
    } catch (error) {
      const { code, message, statusText } = asPipelineError(error)
      // The message is fine, the node is not: it may be tried again when the node has been repaired.
      refused = new PipelineError(code, message, { retryable: true, statusText, cause: error })
      log.problem('CONFIG_REFUSED', refused)
      status.set({ fill: 'red', shape: 'ring', text: statusText })
    }

    const route = inputHandler(log, (message, send, done) => {
      if (router === undefined) {
        done(refused)
        return
      }
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
      const rest = routed.length === 0 ? null : { ...message, payload: routed }
      if ((node.wires[1]?.length ?? 0) > 0) {
        const rejects = unrouted.map(({ record, error }) => rejectedMessage(rejecter, message, record, error))
        emit([rest, rejects])
        done()
        return
      }
      // Nobody takes them: the rest is sent on, and a Catch node gets the batch with only what did not match.
      failRecords(rejecter, message, unrouted, first.error)
      if (rest !== null) emit([rest])
      done(first.error)
    })
    node.on('input', route)

    const close = (): void => {
      release?.()
      counted.close()
      status.close()
    }
    node.on('close', closeHandler(log, close))
  })
}
