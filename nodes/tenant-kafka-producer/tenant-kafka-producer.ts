/**
 * The node `tenant-kafka-producer`: writes messages to Kafka, and is done with one when all in-sync replicas have it.
 * A record that Kafka can never take leaves by its output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { storeMessage, type SinkHost } from '../../src/delivery/sinks/sink-message'
import { TenantProducer } from '../../src/kafka/produce/producer'
import { ProducerEvents } from '../../src/kafka/produce/producer-events'
import { samplesOf, unreadyOf } from '../../src/kafka/produce/producer-samples'
import { ProducerStatus } from '../../src/kafka/produce/producer-status'
import { IdleCheck } from '../../src/runtime/idle-check'
import { runNode } from '../../src/runtime/run-node'
import { CLOSE_BUDGET_MS } from '../../src/time/deadline'
import { Counts } from '../../src/watch/counts'
import { Reconnects } from '../../src/watch/reconnects'
import { tenantCounts } from '../../src/watch/tenants'
import type { Completion } from '../../src/batching/lane'
import type { PipelineError } from '../../src/wire/errors'
import type { WireRecord } from '../../src/wire/message'
import { requireCluster } from '../../src/kafka/require-cluster'
import { readProducerOptions } from './options'

type ProducerDef = NodeDef & { cluster?: string }

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType('tenant-kafka-producer', function (this: Node, config: ProducerDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status: line, isWired, describe, onClose, refresh, watch }) => {
      const cluster = requireCluster(RED.nodes.getNode(config.cluster ?? ''))
      const { outputMayEnd, ...options } = readProducerOptions(config)
      const events = new ProducerEvents(log)
      onClose(() => events.close())
      const status = new ProducerStatus(performance.now())
      const producer = new TenantProducer(cluster, { ...options, log })
      onClose(cluster.users.add())
      onClose(() => producer.close(CLOSE_BUDGET_MS))
      const idle = new IdleCheck(() => cluster.admin.clusterId())
      const errors = new Counts()
      const tenants = tenantCounts()
      const reconnects = new Reconnects()
      const problemNow = (): PipelineError | undefined => producer.problem ?? idle.problem
      watch({
        samples: () => ({
          ...samplesOf(producer, problemNow(), reconnects.count),
          message_processing_errors_total: errors.all,
          tenant_pipeline_tenant_records_total: tenants?.all,
        }),
        unready: () => unreadyOf(producer, problemNow()),
      })
      const show = (): void => {
        const { connected, heldRecords, storedRecords } = producer
        const shown = {
          problem: problemNow(),
          connected,
          heldRecords,
          storedRecords,
        }
        events.observe(shown)
        reconnects.observe(unreadyOf(producer, shown.problem) === undefined)
        line.set(status.of(shown, performance.now()))
      }
      refresh(() => {
        if (producer.connected) idle.look(performance.now(), producer.storedRecords, producer.heldRecords > 0)
        show()
      })
      show()
      producer.start()

      const host: SinkHost = {
        tracker,
        nodeId: this.id,
        mayEnd: outputMayEnd,
        isWired,
        describe,
        onLate: () => events.noteLate(),
        onHandedBack: (records) => events.noteHandedBack(records),
        onRejected: (error, tenant) => {
          errors.add(error.code)
          status.noteRejected()
          events.noteRejected(tenant)
        },
      }
      return (message, send, done) => {
        const delivery = tracker.find(message)
        const isAwaited = delivery !== undefined && delivery.settled === undefined
        storeMessage(
          message,
          host,
          (record, completion) =>
            producer.write(record, tenants ? counting(tenants, record, completion) : completion, isAwaited),
          send,
          done,
        )
      }
    })
  })
}

/** Counts the record for its tenant once it is stored. */
function counting(tenants: Counts, { tenant }: WireRecord, completion: Completion): Completion {
  return {
    stored: () => {
      tenants.add(typeof tenant === 'string' ? tenant : '')
      completion.stored()
    },
    failed: (error) => completion.failed(error),
  }
}
