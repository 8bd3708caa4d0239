/** Which event an outage of a Kafka node is: a missing topic is no absent cluster, and is fixed elsewhere. */
import type { EventCode } from '../log/events'
import type { PipelineError } from '../wire/errors'

/** Spread into a report to `OutageLog`; nothing: the usual event. */
export function eventOf(problem: PipelineError | undefined): { readonly code?: EventCode } {
  return problem?.code === 'KAFKA_UNKNOWN_TOPIC' ? { code: 'KAFKA_TOPIC_MISSING' } : {}
}
