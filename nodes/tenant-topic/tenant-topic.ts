/**
 * The node `tenant-topic`: reads tenant, project and device out of the MQTT topic and says which Kafka topic and
 * key a message gets. What does not match leaves by the second output, with the reason.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { readOptions } from '../../src/config/options'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { requireList } from '../../src/delivery/record-number'
import { failRecords, rejectedMessage, type Rejecter } from '../../src/delivery/sinks/rejected-message'
import { CountLog } from '../../src/log/count-log'
import { runNode } from '../../src/runtime/run-node'
import { unmatchedStatus } from '../../src/tenant/unmatched-status'
import { reserveTopic } from '../../src/tenant/reserved-topics'
import { routeMessage } from '../../src/tenant/route-message'
import { TopicRouter } from '../../src/tenant/topic-router'
import { Counts } from '../../src/watch/counts'
import { options } from './options'
import { addSeenRoute, type RouterHolder } from './seen-route'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)
  addSeenRoute(RED)

  RED.nodes.registerType('tenant-topic', function (this: Node & RouterHolder, config: NodeDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status, isWired, describe, onClose, refresh, watch }) => {
      const { deadLetters, ...routing } = readOptions(options, config)
      const router = new TopicRouter(routing)
      this.router = router
      if (routing.strategy === 'shared') onClose(reserveTopic(routing.kafkaTopic))
      const rejecter: Rejecter = {
        tracker,
        nodeId: this.id,
        describe,
        mayEnd: deadLetters === 'outputUnstored',
      }
      const counted = new CountLog(log, {
        code: 'UNMATCHED',
        text: (count) =>
          `${count} ${count === 1 ? 'MQTT topic does' : 'MQTT topics do'} not match the pattern`,
      })
      onClose(() => counted.close())
      const errors = new Counts()
      watch({ samples: () => ({ message_processing_errors_total: errors.all }) })
      let unmatched = 0
      let latestMs = 0
      const show = (): void => status.set(unmatchedStatus(unmatched, performance.now() - latestMs))
      show()
      refresh(show)

      return (message, send, done) => {
        requireList(message, tracker.find(message)?.size ?? 0)
        const { routed, unrouted } = routeMessage(router, message)
        const [first] = unrouted
        if (first === undefined) {
          send([message])
          return done()
        }
        unmatched += unrouted.length
        counted.add(unrouted.length)
        for (const { error } of unrouted) errors.add(error.code)
        latestMs = performance.now()
        show()
        const rest = routed.length === 0 ? null : { ...message, payload: routed }
        if (isWired(1)) {
          send([rest, unrouted.map(({ record, error }) => rejectedMessage(rejecter, message, record, error))])
          return done()
        }
        // With nothing wired to take them, the rest is sent on, and a Catch node gets only what did not match.
        failRecords(rejecter, message, unrouted, first.error)
        if (rest !== null) send([rest])
        done(first.error)
      }
    })
  })
}
