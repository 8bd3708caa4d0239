/**
 * The node `tenant-kafka-producer`: writes messages to Kafka, and is done with one when all in-sync replicas have it.
 * A record that Kafka can never take leaves by its output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import { storeMessage } from '../../src/delivery/sink-message'
import { TenantProducer } from '../../src/kafka/produce/producer'
import { ProducerEvents } from '../../src/kafka/produce/producer-events'
import { ProducerStatus } from '../../src/kafka/produce/producer-status'
import { CountLog } from '../../src/log/count-log'
import { CLOSE_BUDGET_MS } from '../../src/time/deadline'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler, inputHandler } from '../../src/runtime/handlers'
import { messageError } from '../../src/wire/message-error'
import { StatusLine } from '../../src/runtime/status-line'
import { requireCluster } from '../../src/kafka/require-cluster'
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
      const host = {
        tracker,
        nodeId: node.id,
        mayEnd: false,
        isWired: () => (node.wires[0]?.length ?? 0) > 0,
        describe: (error: PipelineError) => messageError(error, node),
        onLate: () => late.add(1),
        onRejected: (_error: PipelineError, tenant: unknown) => {
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
        const { outputMayEnd, ...options } = readProducerOptions(config)
        const started = new TenantProducer(cluster, { ...options, log })
        host.mayEnd = outputMayEnd
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
        // The message is fine, the node is not: it may be tried again when the node has been repaired.
        refused = new PipelineError(code, message, { retryable: true, statusText, cause: error })
        log.problem('CONFIG_REFUSED', refused)
        line.set({ fill: 'red', shape: 'ring', text: statusText })
      }

      node.on(
        'input',
        inputHandler(log, (message, send, done) => {
          const sink = producer
          if (sink === undefined) {
            done(refused)
            return
          }
          const delivery = tracker.find(message)
          const isAwaited = delivery !== undefined && delivery.settled === undefined
          storeMessage(
            message,
            host,
            (record, completion) => sink.write(record, completion, isAwaited),
            send,
            done,
          )
        }),
      )

      const close = async (): Promise<void> => {
        clearInterval(timer)
        try {
          await producer?.close(CLOSE_BUDGET_MS)
        } finally {
          release?.()
          events.close()
          late.close()
          line.close()
        }
      }
      node.on('close', closeHandler(log, close))
    },
  )
}
