/** The span of a batch of Kafka records, with the names of OpenTelemetry's conventions for messaging. */
import { activeTraces, type Carrier, type TraceSpan } from '../trace/traces'

const OPERATIONS = {
  publish: { kind: 'PRODUCER', type: 'send' },
  process: { kind: 'CONSUMER', type: 'process' },
} as const

/** `undefined`: nothing is traced. */
export function batchSpan(
  operation: keyof typeof OPERATIONS,
  topic: string,
  partition: number,
  records: readonly { readonly headers: Carrier }[],
): TraceSpan | undefined {
  const { kind, type } = OPERATIONS[operation]
  return activeTraces()?.batch({
    name: `${operation} ${topic}`,
    kind,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': type,
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'messaging.batch.message_count': records.length,
    },
    count: records.length,
    carrierOf: (at) => records[at]?.headers,
  })
}
