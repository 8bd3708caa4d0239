/** What the span of a batch says of Kafka: names of OpenTelemetry's conventions for messaging. */
import type { Attributes } from '@opentelemetry/api'

export function batchAttributes(
  operation: 'send' | 'process',
  topic: string,
  partition: number,
  records: number,
): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.type': operation,
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.batch.message_count': records,
  }
}
