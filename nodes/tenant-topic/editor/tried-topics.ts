/** What the node would do with MQTT topics, by the code that it runs. */
import { partitionOfKey } from '../../../src/kafka/produce/murmur2'
import { reserveTopic } from '../../../src/tenant/reserved-topics'
import { TopicRouter, type Route, type TopicRouterOptions } from '../../../src/tenant/topic-router'

export interface TriedTopic {
  readonly topic: string
  /** Where it leads, or why it leads nowhere. */
  readonly result: Route | { readonly reason: string }
}

/** What other nodes of the flow say about Kafka topics. */
export interface Surroundings {
  /** Topics that nodes write to for all tenants: a template must not lead there. */
  readonly reserved: readonly string[]
}

/** More would slow down typing. */
const MAX_TOPICS = 50

/** One topic a line. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  return [...new Set(lines.filter((line) => line !== ''))].slice(0, MAX_TOPICS)
}

/** @throws PipelineError when the settings themselves are refused, with the sentence of the log */
export function tryTopics(
  settings: TopicRouterOptions,
  topics: readonly string[],
  { reserved }: Surroundings,
): TriedTopic[] {
  const router = new TopicRouter(settings)
  const releases = reserved.filter((topic) => topic !== '').map(reserveTopic)
  try {
    return topics.map((topic) => {
      const route = router.route(topic)
      return { topic, result: route instanceof Error ? { reason: route.message } : route }
    })
  } finally {
    for (const release of releases) release()
  }
}

/** @param partitions of the Kafka topic */
export function partitionOf({ key }: Route, partitions: number): number {
  return partitionOfKey(new TextEncoder().encode(key), partitions)
}
