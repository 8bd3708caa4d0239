/** Takes a message apart into what has a route and what has none. */
import { notRecord, type FailedRecord } from '../delivery/sinks/rejected-message'
import { asRecordError, type PipelineError } from '../wire/errors'
import { isRecord, type Message, recordsOf, type WireRecord } from '../wire/message'
import { applyRoute, type TopicRouter } from './topic-router'

export interface RoutedMessage {
  readonly routed: readonly unknown[]
  readonly unrouted: readonly FailedRecord[]
}

/** Sets tenant, levels and Kafka topic on the records in place; the message keeps all of its records. */
export function routeMessage(router: TopicRouter, message: Message): RoutedMessage {
  const records: readonly unknown[] = recordsOf(message)
  const unrouted: FailedRecord[] = []
  const routed: unknown[] = []
  for (const record of records) {
    const error = isRecord(record) ? setRoute(router, record) : notRecord()
    if (error === undefined) routed.push(record)
    else unrouted.push({ record, error })
  }
  return { routed, unrouted }
}

function setRoute(router: TopicRouter, record: WireRecord): PipelineError | undefined {
  try {
    const route = router.route(record.topic)
    if (route instanceof Error) return route
    applyRoute(record, route)
    return undefined
  } catch (thrown) {
    return asRecordError(thrown)
  }
}
