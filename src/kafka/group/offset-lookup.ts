/**
 * Questions about offsets to Kafka. All partitions of an assignment ask at the same moment, and Kafka answers for a whole
 * topic, so those that ask while an answer is under way share it.
 */
import type { OffsetRange, StartAt, TopicPartition } from '../driver'
import { noLeader } from '../error-verdicts'
import type { FirstStarts } from './first-starts'
import type { ByPartition, GroupAdmin } from './group-admin'

/** kafkajs commits this for "the first record": when it is asked to, and before it resumes where an offset was refused. */
export const EARLIEST = -2

export class OffsetLookup {
  private readonly underWay = new Map<string, Promise<ByPartition<unknown>>>()

  /** Asked once: over time the group commits something of every topic. */
  private committedTopics: Promise<ReadonlySet<string>> | undefined

  /** @param byPattern the group finds its topics by a pattern */
  constructor(
    private readonly admin: GroupAdmin,
    private readonly firstStarts: FirstStarts,
    private readonly byPattern: boolean,
  ) {}

  /** What the group has committed, `undefined` when nothing. */
  async committed(topicPartition: TopicPartition): Promise<number | undefined> {
    const { topic, partition } = topicPartition
    const offsets = await this.share(`committed ${topic}`, () => this.committedOf(topic))
    const offset = offsets.get(partition)
    return offset === EARLIEST ? (await this.range(topicPartition)).earliest : offset
  }

  async range({ topic, partition }: TopicPartition): Promise<OffsetRange> {
    const ranges = await this.share(`range ${topic}`, () => this.admin.ranges(topic))
    return found(ranges.get(partition), topic, partition)
  }

  /**
   * The offset that a start means. *Latest* and a time count for a first start only, see `first-starts.ts`. The offset of
   * a time that is after the last record is the end.
   */
  async resolve(partition: TopicPartition, start: StartAt, range: OffsetRange): Promise<number> {
    if (typeof start === 'object' && 'offset' in start) return start.offset
    if (start === 'earliest' || !this.firstStarts.isFirst(partition)) return range.earliest
    if (start === 'latest') return range.latest
    const { topic } = partition
    const { timestamp } = start
    const offsets = await this.share(`time ${topic} ${timestamp}`, () =>
      this.admin.offsetsAt(topic, timestamp),
    )
    return found(offsets.get(partition.partition), topic, partition.partition)
  }

  private async committedOf(topic: string): Promise<ByPartition<number | undefined>> {
    const { firstStarts } = this
    const [offsets, isLater] = await Promise.all([
      this.admin.committed(topic),
      this.byPattern && !firstStarts.isDecided(topic) && this.readsOthers(topic),
    ])
    if (!firstStarts.isDecided(topic)) firstStarts.decide(topic, offsets, isLater)
    return offsets
  }

  private async readsOthers(topic: string): Promise<boolean> {
    this.committedTopics ??= this.admin.committedTopics()
    this.committedTopics.catch(() => (this.committedTopics = undefined))
    const topics = await this.committedTopics
    return topics.size > (topics.has(topic) ? 1 : 0)
  }

  private share<T>(key: string, ask: () => Promise<ByPartition<T>>): Promise<ByPartition<T>> {
    const shared = this.underWay.get(key) as Promise<ByPartition<T>> | undefined
    if (shared !== undefined) return shared
    const answer = ask().finally(() => this.underWay.delete(key))
    this.underWay.set(key, answer)
    return answer
  }
}

/** @throws PipelineError `KAFKA_NO_LEADER` */
function found<T>(value: T | undefined, topic: string, partition: number): T {
  if (value === undefined) throw noLeader([{ topic, partition }])
  return value
}
