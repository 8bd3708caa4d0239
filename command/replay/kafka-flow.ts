/**
 * The shortest flow that a replay can go through: the source of dead letters, and a producer. Deliveries are tracked as in
 * Node-RED, so a dead letter is marked only when Kafka has the record on all in-sync replicas.
 */
import { options as producerOptions, readProducerOptions } from '../../nodes/tenant-kafka-producer/options'
import { FlowTracking } from '../../src/delivery/flow/flow-tracking'
import { storeMessage, type SinkHost } from '../../src/delivery/sinks/sink-message'
import type { KafkaCluster } from '../../src/kafka/cluster'
import { TenantProducer } from '../../src/kafka/produce/producer'
import type { EventLog } from '../../src/log/event-log'
import type { Message } from '../../src/wire/message'

const SINK = { id: 'tenant-pipeline-producer', type: 'tenant-kafka-producer' } as const
const CLOSE_MS = 5_000

export interface KafkaFlow {
  readonly tracking: FlowTracking
  readonly send: (message: Message) => void
  readonly close: () => Promise<void>
}

/** @param topic where all of them go; empty: where each was read from, or was to go to */
export function kafkaFlow(cluster: KafkaCluster, topic: string, log: EventLog): KafkaFlow {
  const tracking = new FlowTracking({
    hooks: { add: () => undefined, remove: () => undefined, has: () => false },
    events: { on: () => undefined },
    nodes: { getNode: () => SINK, eachNode: () => undefined },
  })
  const { tracker } = tracking
  // A topic that is not there is never created by a replay: it may be a misspelt name.
  const { outputMayEnd, ...options } = readProducerOptions({
    topic,
    missingTopic: 'reject',
    lingerMs: producerOptions.lingerMs.default,
  })
  const producer = new TenantProducer(cluster, { ...options, log })
  const host: SinkHost = {
    tracker,
    nodeId: SINK.id,
    mayEnd: outputMayEnd,
    isWired: () => false,
    describe: ({ message }) => ({ message, source: { id: SINK.id, type: SINK.type, count: 1 } }),
    onLate: () => undefined,
    onRejected: () => undefined,
  }
  const send = (message: Message): void => {
    const delivery = tracker.find(message)
    if (delivery === undefined) return
    tracker.copyReceived(delivery, SINK)
    storeMessage(
      message,
      host,
      (record, completion) => producer.write(record, completion, true),
      () => undefined,
      (error) => {
        if (error !== undefined) tracker.openFailure(delivery, SINK.id, error, message)
        tracker.copyEnded(delivery, SINK)
      },
    )
  }
  return { tracking, send, close: () => producer.close(CLOSE_MS) }
}
