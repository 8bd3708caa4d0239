/**
 * The node `tenant-kafka-consumer`: brings Kafka records into the flow, and moves on in a partition only when the
 * flow has stored what it got.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { ConsumerEvents } from '../../src/kafka/consume/consumer-events'
import { isReading, samplesOf, unreadyOf } from '../../src/kafka/consume/consumer-samples'
import { ConsumerStatus } from '../../src/kafka/consume/consumer-status'
import { KafkaSource } from '../../src/kafka/consume/source'
import { requirePostgres } from '../../src/postgres/require-postgres'
import { addPauseRoutes, logged, type PausableNode } from '../../src/runtime/pause'
import { runNode } from '../../src/runtime/run-node'
import { Reconnects } from '../../src/watch/reconnects'
import { requireCluster } from '../../src/kafka/require-cluster'
import { readConsumerOptions } from './options'
import { addSampleRoute } from './sample-route'
import { addStoppedRoutes, type SourceHolder } from './stopped-routes'

type ConsumerDef = NodeDef & { cluster?: string; database?: string }

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  addStoppedRoutes(RED)
  addSampleRoute(RED)
  addPauseRoutes(RED, 'tenant-kafka-consumer')

  type ConsumerNode = Node & SourceHolder & PausableNode
  RED.nodes.registerType('tenant-kafka-consumer', function (this: ConsumerNode, config: ConsumerDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status: line, isWired, send, describe, onClose, refresh, watch }) => {
      const settings = readConsumerOptions(this.id, config)
      const cluster = requireCluster(RED.nodes.getNode(config.cluster ?? ''))
      const postgres = config.database ? requirePostgres(RED.nodes.getNode(config.database)) : undefined
      const events = new ConsumerEvents(log)
      onClose(() => events.close())
      const status = new ConsumerStatus(performance.now())
      const source = new KafkaSource(cluster, settings, {
        tracking,
        positions: postgres?.ledger.consumers,
        send,
        isWired,
        describe,
        onFiltered: (count) => events.noteFiltered(count),
        onSpent: (count) => events.noteSpent(count),
        onGaps: (topic, count) => events.noteGaps(topic, count),
        log,
      })
      this.source = source
      onClose(cluster.users.add())
      if (postgres !== undefined) onClose(postgres.database.users.add())
      onClose(() => source.close())
      const reconnects = new Reconnects()
      this.pausable = logged(source, log, 'Kafka keeps what is written')
      watch({
        samples: () => samplesOf(source, reconnects.count),
        unready: () => unreadyOf(source),
        paused: () => source.paused,
      })
      const show = (): void => {
        events.observe(source)
        reconnects.observe(isReading(source))
        source.lastRecord.keepNext()
        line.set(status.of(source, performance.now()))
      }
      refresh(() => {
        source.look(performance.now())
        show()
      })
      show()
      source.start()
      return undefined
    })
  })
}
