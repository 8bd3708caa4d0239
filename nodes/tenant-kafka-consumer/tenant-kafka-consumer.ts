/**
 * The node `tenant-kafka-consumer`: brings Kafka records into the flow, and goes on in a partition only when the
 * flow has stored what it got.
 */
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import { MESSAGES } from '../../src/delivery/redelivery'
import { ConsumerEvents } from '../../src/kafka/consume/consumer-events'
import { ConsumerStatus } from '../../src/kafka/consume/consumer-status'
import { KafkaSource } from '../../src/kafka/consume/source'
import { asPipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler } from '../../src/runtime/handlers'
import { messageError } from '../../src/wire/message-error'
import { StatusLine } from '../../src/runtime/status-line'
import { requireCluster } from '../../src/kafka/require-cluster'
import { requireDatabase } from '../../src/postgres/connect/require-database'
import { readConsumerOptions } from './options'
import { addStoppedRoutes, type SourceHolder } from './stopped-routes'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & SourceHolder & { readonly wires: readonly (readonly string[])[] }

type ConsumerDef = NodeDef & { cluster?: string; database?: string }

const STATUS_INTERVAL_MS = 1000

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  addStoppedRoutes(RED)

  RED.nodes.registerType('tenant-kafka-consumer', function (this: Node, config: ConsumerDef) {
    RED.nodes.createNode(this, config)
    const node = this as WiredNode
    const line = new StatusLine((status) => node.status(status))
    const log = new EventLog(node)
    const events = new ConsumerEvents(log)
    const releases: (() => void)[] = []
    let timer: NodeJS.Timeout | undefined
    try {
      const settings = readConsumerOptions(node.id, config)
      const cluster = requireCluster(RED.nodes.getNode(config.cluster ?? ''))
      const database = config.database ? requireDatabase(RED.nodes.getNode(config.database)) : undefined
      const status = new ConsumerStatus(performance.now())
      const started = new KafkaSource(cluster, settings, {
        tracking,
        positions: database,
        send: (output, message) => {
          const sent = message as NodeMessage
          node.send(output === MESSAGES ? sent : [null, sent])
        },
        isWired: (output) => (node.wires[output]?.length ?? 0) > 0,
        describe: (error) => messageError(error, node),
        onFiltered: (count) => events.noteFiltered(count),
        onSpent: (count) => events.noteSpent(count),
        onGaps: (topic, count) => events.noteGaps(topic, count),
        log,
      })
      node.source = started
      releases.push(cluster.users.add())
      if (database !== undefined) releases.push(database.users.add())
      const show = (): void => {
        events.look(started)
        line.set(status.of(started, performance.now()))
      }
      timer = setInterval(show, STATUS_INTERVAL_MS)
      show()
      started.start()
    } catch (error) {
      const problem = asPipelineError(error)
      log.problem('CONFIG_REFUSED', problem)
      line.set({ fill: 'red', shape: 'ring', text: problem.statusText })
    }

    const close = async (): Promise<void> => {
      clearInterval(timer)
      try {
        await node.source?.close()
      } finally {
        for (const release of releases) release()
        events.close()
        line.close()
      }
    }
    node.on('close', closeHandler(log, close))
  })
}
