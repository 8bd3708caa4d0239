/** The part of the dialog that offers the MQTT topics of the messages that came last. */
import { addAdminRoute } from '../../src/runtime/admin-route'
import type { RefusedNode } from '../../src/runtime/run-node'
import type { TopicRouter } from '../../src/tenant/topic-router'

/** What the node shows to the route. */
export interface RouterHolder extends RefusedNode {
  router?: TopicRouter
}

export interface SeenAnswer {
  /** The newest first. */
  readonly topics: readonly string[]
}

const MAX_SEEN = 10

export function addSeenRoute(RED: object): void {
  addAdminRoute<RouterHolder>(RED, {
    type: 'tenant-topic',
    action: 'seen',
    permission: 'read',
    answer: ({ router, problem }): SeenAnswer => {
      if (router === undefined) throw problem as Error
      return { topics: router.lastSeen(MAX_SEEN) }
    },
  })
}
