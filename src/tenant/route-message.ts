/**
 * Takes a message apart into what has a route and what has none. A batch stays one message; what has no route
 * leaves it, each record as a message of its own.
 */
import { copyLink, type Message } from '../delivery/message-link'
import type { PipelineError } from '../runtime/errors'
import { isBatch, type WireRecord } from '../runtime/wire'
import { applyRoute, type TopicRouter } from './topic-router'

export interface Unrouted {
  /** The record as a message of its own, tied to the same delivery. */
  readonly message: Message
  readonly error: PipelineError
}

export interface RoutedMessage {
  /** Undefined when nothing has a route. */
  readonly routed: Message | undefined
  readonly unrouted: readonly Unrouted[]
}

/** Sets tenant, levels and Kafka topic on the records in place; the given message is the routed one. */
export function routeMessage(router: TopicRouter, message: Message): RoutedMessage {
  if (!isBatch(message)) {
    const error = setRoute(router, message as WireRecord)
    return error === undefined
      ? { routed: message, unrouted: [] }
      : { routed: undefined, unrouted: [{ message, error }] }
  }
  const unrouted: Unrouted[] = []
  const kept = message.payload.filter((record) => {
    const error = setRoute(router, record)
    if (error === undefined) return true
    const single: Message = { ...record }
    copyLink(message, single)
    unrouted.push({ message: single, error })
    return false
  })
  if (unrouted.length > 0) message.payload = kept
  return { routed: kept.length > 0 ? message : undefined, unrouted }
}

function setRoute(router: TopicRouter, record: WireRecord): PipelineError | undefined {
  const route = router.route(record.topic)
  if (route instanceof Error) return route
  applyRoute(record, route)
  return undefined
}
