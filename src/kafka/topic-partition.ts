/** How partitions are named: as the key of a map, and in a message. */
import type { TopicPartition } from './driver'

/** `topic/3` */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

const MAX_NAMED = 10

/** `a partition 1, b partition 2, and 7 more` */
export function listOf(partitions: readonly TopicPartition[]): string {
  const names = partitions
    .slice(0, MAX_NAMED)
    .map(({ topic, partition }) => `${topic} partition ${partition}`)
  const more = partitions.length - names.length
  return names.join(', ') + (more > 0 ? `, and ${more} more` : '')
}
