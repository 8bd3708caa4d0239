/** How many partitions topics have, as far as the producer has learned: the dialog of **tenant topic** asks. */
import type { TenantProducer } from '../../src/kafka/produce/producer'
import { addAdminRoute } from '../../src/runtime/admin-route'
import type { RefusedNode } from '../../src/runtime/run-node'

/** What the node shows to the route. */
export interface ProducerHolder extends RefusedNode {
  producer?: TenantProducer
}

export interface PartitionsAnswer {
  /** Those that are known. */
  readonly topics: readonly { readonly topic: string; readonly partitions: number }[]
}

const MAX_TOPICS = 100

export function addPartitionsRoute(RED: object): void {
  addAdminRoute<ProducerHolder>(RED, {
    type: 'tenant-kafka-producer',
    action: 'partitions',
    permission: 'read',
    answer: ({ producer, problem }, { topics }): PartitionsAnswer => {
      if (producer === undefined) throw problem as Error
      const asked = Array.isArray(topics) ? (topics.slice(0, MAX_TOPICS) as unknown[]) : []
      return {
        topics: asked.flatMap((topic) => {
          const partitions = typeof topic === 'string' ? producer.partitionsOf(topic) : undefined
          return partitions === undefined ? [] : [{ topic: String(topic), partitions }]
        }),
      }
    },
  })
}
