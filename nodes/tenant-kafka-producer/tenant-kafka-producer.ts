/**
 * The node `tenant-kafka-producer`: writes messages to Kafka, and is done with one when all in-sync replicas have it.
 * A record that Kafka can never take leaves by its output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import type { Message } from '../../src/delivery/message-link'
import { storeMessage, type Send, type SinkHost } from '../../src/delivery/sink-message'
import { TenantProducer } from '../../src/kafka/producer'
import { ProducerEvents } from '../../src/kafka/producer-events'
import { ProducerStatus } from '../../src/kafka/producer-status'
import { CountLog } from '../../src/runtime/count-log'
import { CLOSE_BUDGET_MS } from '../../src/runtime/deadline'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { EventLog } from '../../src/runtime/event-log'
import { messageError } from '../../src/runtime/message-error'
import { StatusLine } from '../../src/runtime/status-line'
import { requireCluster } from '../tenant-kafka-cluster/cluster-node'
import { readProducerOptions } from './options'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }

const STATUS_INTERVAL_MS = 1000
const LATE_COPY =
  'a message came here after its delivery was settled: a node on the way has held it without saying so. ' +
  'It is written, but its source did not wait for it'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType(
    'tenant-kafka-producer',
    function (this: Node, config: NodeDef & { cluster?: string }) {
      RED.nodes.createNode(this, config)
      const node = this as WiredNode
      const line = new StatusLine((status) => node.status(status))
      const status = new ProducerStatus(performance.now())
      const log = new EventLog(node)
      const events = new ProducerEvents(log)
      const late = new CountLog(log, { code: 'LATE_COPY', text: () => LATE_COPY })
      const host: SinkHost = {
        tracker,
        isWired: () => (node.wires[0]?.length ?? 0) > 0,
        describe: (error) => messageError(error, node),
        onLate: () => late.add(1),
        onRejected: (_error, tenant) => {
          status.noteRejected()
          events.noteRejected(tenant)
        },
      }

      let producer: TenantProducer | undefined
      let release: (() => void) | undefined
      let refused: PipelineError | undefined
      let timer: NodeJS.Timeout | undefined
      try {
        const cluster = requireCluster(RED.nodes.getNode(config.cluster ?? ''))
        const options = readProducerOptions(config)
        const started = new TenantProducer(cluster, {
          ...options,
          log,
        })
        producer = started
        release = cluster.users.add()
        const show = (): void => {
          events.look(started)
          line.set(status.of(started, performance.now()))
        }
        timer = setInterval(show, STATUS_INTERVAL_MS)
        show()
        started.start()
      } catch (error) {
        const { code, message, statusText } = asPipelineError(error)
        // The message is fine, the node is not: it may be tried again when the node has been mended.
        refused = new PipelineError(code, message, { retryable: true, statusText, cause: error })
        log.problem('CONFIG_REFUSED', refused)
        line.set({ fill: 'red', shape: 'ring', text: statusText })
      }

      node.on('input', (msg, send, done) => {
        if (producer === undefined) {
          done(refused)
          return
        }
        const sink = producer
        storeMessage(
          msg as Message,
          host,
          (record, completion) => sink.write(record, completion),
          send as Send,
          done,
        )
      })

      node.on('close', (_removed: boolean, done: () => void) => {
        clearInterval(timer)
        const closed = producer === undefined ? Promise.resolve() : producer.close(CLOSE_BUDGET_MS)
        void closed
          .catch((error: unknown) => log.problem('UNEXPECTED', asPipelineError(error)))
          .finally(() => {
            release?.()
            events.close()
            late.close()
            line.close()
            done()
          })
      })
    },
  )
}
