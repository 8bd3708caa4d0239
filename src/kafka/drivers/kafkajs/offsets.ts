/**
 * Questions about offsets to Kafka. All partitions of an assignment ask at the same moment, and Kafka answers for
 * a whole topic, so whoever asks while an answer is under way shares it. A partition whose leader is missing, or does
 * not answer, is not in the answer (`metadata.ts`): the others of its topic have theirs.
 */
import type { Admin } from 'kafkajs'
import type { OffsetRange, StartAt, TopicPartition } from '../../driver'
import type { FirstStarts } from '../../group/first-starts'
import { noLeader } from '../../error-verdicts'

/** kafkajs commits this for "the first record": when it is told to, and before it goes on where an offset was refused. */
const EARLIEST = -2

export class OffsetLookup {
  private readonly underWay = new Map<string, Promise<ReadonlyMap<number, unknown>>>()

  /** Topics of which the group has committed something, asked once: by and by it does so of all of them. */
  private readTopics: Promise<ReadonlySet<string>> | undefined

  /** @param byPattern the group finds its topics by a pattern */
  constructor(
    private readonly admin: Admin,
    private readonly groupId: string,
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
    const ranges = await this.share(`range ${topic}`, async () => {
      const answer = await this.admin.fetchTopicOffsets(topic)
      return new Map(
        answer.map((it) => [it.partition, { earliest: Number(it.low), latest: Number(it.high) }]),
      )
    })
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
    const offsets = await this.share(`time ${topic} ${start.timestamp}`, async () => {
      const answer = await this.admin.fetchTopicOffsetsByTimestamp(topic, start.timestamp)
      return new Map(answer.map((it) => [it.partition, Number(it.offset)]))
    })
    return found(offsets.get(partition.partition), topic, partition.partition)
  }

  private async committedOf(topic: string): Promise<Map<number, number | undefined>> {
    const { firstStarts } = this
    const [[answer], isLater] = await Promise.all([
      this.admin.fetchOffsets({ groupId: this.groupId, topics: [topic] }),
      this.byPattern && !firstStarts.isDecided(topic) && this.readsOthers(topic),
    ])
    const offsets = new Map((answer?.partitions ?? []).map((it) => [it.partition, known(Number(it.offset))]))
    if (!firstStarts.isDecided(topic)) firstStarts.decide(topic, offsets, isLater)
    return offsets
  }

  private async readsOthers(topic: string): Promise<boolean> {
    this.readTopics ??= this.admin.fetchOffsets({ groupId: this.groupId }).then((answer) => {
      const isRead = answer.filter(({ partitions }) =>
        partitions.some((it) => known(Number(it.offset)) !== undefined),
      )
      return new Set(isRead.map((it) => it.topic))
    })
    this.readTopics.catch(() => (this.readTopics = undefined))
    const topics = await this.readTopics
    return topics.size > (topics.has(topic) ? 1 : 0)
  }

  private share<T>(key: string, ask: () => Promise<Map<number, T>>): Promise<ReadonlyMap<number, T>> {
    const shared = this.underWay.get(key) as Promise<ReadonlyMap<number, T>> | undefined
    if (shared !== undefined) return shared
    const answer = ask().finally(() => this.underWay.delete(key))
    this.underWay.set(key, answer)
    return answer
  }
}

/** Kafka answers -1 where nothing is committed. */
function known(offset: number): number | undefined {
  return offset >= 0 || offset === EARLIEST ? offset : undefined
}

/** @throws PipelineError `KAFKA_NO_LEADER` */
function found<T>(value: T | undefined, topic: string, partition: number): T {
  if (value === undefined) throw noLeader([{ topic, partition }])
  return value
}
