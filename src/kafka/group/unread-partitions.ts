/**
 * Partitions that no member of a group reads, although some member has subscribed to their topics: the group's leader
 * has given them to none, or to one that does not read them. Kafka's clients say nothing of it, and what lies there is
 * gone after the retention.
 *
 * New partitions and topics belong to none for a while, until the members have heard of them, so only what has been so
 * for long counts.
 */
import { partitionKey } from '../topic-partition'
import type { TopicPartition } from '../driver'
import type { GroupShare } from './group-admin'

export class UnreadPartitions {
  /** When it was first seen that no member has it. */
  private since = new Map<string, number>()

  /** @param afterMs what has been unread for this long is reported */
  constructor(
    private readonly afterMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * @param members of the whole group, once it has shared its partitions
   * @param wanted  partitions that should be read
   * @returns those of them that no member has read for that long
   */
  overdue(members: readonly GroupShare[], wanted: readonly TopicPartition[]): TopicPartition[] {
    const read = new Set(
      members.flatMap(({ topics, assigned }) =>
        assigned.filter(({ topic }) => topics.includes(topic)).map(partitionKey),
      ),
    )
    const unread = wanted.filter((partition) => !read.has(partitionKey(partition)))
    const now = this.now()
    this.since = new Map(unread.map(partitionKey).map((key) => [key, this.since.get(key) ?? now] as const))
    return unread.filter(
      (partition) => now - (this.since.get(partitionKey(partition)) ?? now) >= this.afterMs,
    )
  }
}
