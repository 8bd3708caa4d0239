/**
 * *Latest* and a time say where a group begins a topic that it has never read. They do not count for what comes later,
 * a partition that was added or a topic that was created: whatever is written there before the consumer notices, up to a
 * minute and longer while Node-RED is down, would be skipped unnoticed. That begins at its first record.
 *
 * Decided once for each topic, with what the group has committed at that moment, because each partition that begins is
 * committed at once. A member that asks while another one has just begun may find the topic known; it reads too much then,
 * and skips nothing.
 */
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import type { TopicPartition } from '../driver'

export class FirstStarts {
  /** The number of partitions that a first start has found, by topic; 0: the topic is no first start. */
  private readonly partitions: RecentMap<string, number>
  private seen: ReadonlySet<string> | undefined

  /** @param max topics that are remembered; one that is forgotten and comes again is read from its first record on */
  constructor(private readonly max = MAX_PARTITIONS) {
    this.partitions = new RecentMap(max)
  }

  /** @param topics those that are there now; @param missing those that are named and are not */
  noteTopics(topics: readonly string[], missing: readonly string[]): void {
    const { seen } = this
    const later = seen === undefined ? [] : topics.filter((topic) => !seen.has(topic))
    for (const topic of [...missing, ...later]) if (!this.isDecided(topic)) this.partitions.set(topic, 0)
    const all = new Set([...(seen ?? []), ...topics])
    this.seen = all.size > this.max ? new Set(topics) : all
  }

  isDecided(topic: string): boolean {
    return this.partitions.has(topic)
  }

  /**
   * @param committed what the group has committed of each partition
   * @param isLater the topic was found by a pattern with which the group has read others already
   */
  decide(topic: string, committed: ReadonlyMap<number, number | undefined>, isLater: boolean): void {
    const isKnown = isLater || [...committed.values()].some((offset) => offset !== undefined)
    this.partitions.set(topic, isKnown ? 0 : committed.size)
  }

  isFirst({ topic, partition }: TopicPartition): boolean {
    return partition < (this.partitions.get(topic) ?? 0)
  }
}
