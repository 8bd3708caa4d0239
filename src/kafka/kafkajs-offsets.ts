/**
 * Questions about offsets to Kafka. All partitions of an assignment ask at the same moment, and Kafka answers for
 * a whole topic, so whoever asks while an answer is under way shares it. A partition whose leader is missing, or does
 * not answer, is not in the answer (`kafkajs-metadata.ts`): the others of its topic have theirs.
 */
import type { Admin } from 'kafkajs'
import type { OffsetRange, StartAt, TopicPartition } from './driver'
import { noLeader } from './kafkajs-errors'

/** kafkajs commits this for "the first record": when it is told to, and before it goes on where an offset was refused. */
const EARLIEST = -2

export class OffsetLookup {
  private readonly underWay = new Map<string, Promise<ReadonlyMap<number, unknown>>>()

  constructor(
    private readonly admin: Admin,
    private readonly groupId: string,
  ) {}

  /** What the group has committed, `undefined` when nothing. */
  async committed(topicPartition: TopicPartition): Promise<number | undefined> {
    const { topic, partition } = topicPartition
    const offsets = await this.share(`committed ${topic}`, async () => {
      const [answer] = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [topic] })
      return new Map((answer?.partitions ?? []).map((it) => [it.partition, Number(it.offset)]))
    })
    const offset = offsets.get(partition)
    if (offset === EARLIEST) return (await this.range(topicPartition)).earliest
    return offset === undefined || offset < 0 ? undefined : offset
  }

  async range({ topic, partition }: TopicPartition): Promise<OffsetRange> {
    const ranges = await this.share(`range ${topic}`, async () => {
      const answer = await this.admin.fetchTopicOffsets(topic)
      return new Map(
        answer.map((it) => [it.partition, { earliest: Number(it.low), latest: Number(it.high) }]),
      )
    })
    return known(ranges.get(partition), topic, partition)
  }

  /** The offset that a start means. The offset of a time that is after the last record is the end. */
  async resolve(partition: TopicPartition, start: StartAt, range: OffsetRange): Promise<number> {
    if (start === 'earliest') return range.earliest
    if (start === 'latest') return range.latest
    if ('offset' in start) return start.offset
    const { topic } = partition
    const offsets = await this.share(`time ${topic} ${start.timestamp}`, async () => {
      const answer = await this.admin.fetchTopicOffsetsByTimestamp(topic, start.timestamp)
      return new Map(answer.map((it) => [it.partition, Number(it.offset)]))
    })
    return known(offsets.get(partition.partition), topic, partition.partition)
  }

  private share<T>(key: string, ask: () => Promise<Map<number, T>>): Promise<ReadonlyMap<number, T>> {
    const shared = this.underWay.get(key) as Promise<ReadonlyMap<number, T>> | undefined
    if (shared !== undefined) return shared
    const answer = ask().finally(() => this.underWay.delete(key))
    this.underWay.set(key, answer)
    return answer
  }
}

/** @throws PipelineError `KAFKA_NO_LEADER` */
function known<T>(value: T | undefined, topic: string, partition: number): T {
  if (value === undefined) throw noLeader([{ topic, partition }])
  return value
}
