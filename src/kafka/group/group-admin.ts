/** What the members of a group ask Kafka. A driver answers; each question rejects while Kafka cannot be asked. */
import type { OffsetRange, TopicPartition } from '../driver'

export interface KnownTopic {
  readonly name: string
  /** `leader` is the number of a broker, below 0 when there is none. */
  readonly partitions: readonly { readonly partitionId: number; readonly leader: number }[]
}

/** What one member of the group reads. */
export interface GroupShare {
  readonly topics: readonly string[]
  readonly assigned: readonly TopicPartition[]
}

/** Of one topic, by partition. A partition whose leader is missing, or does not answer, is not in it. */
export type ByPartition<T> = ReadonlyMap<number, T>

export interface GroupAdmin {
  /** All topics; one that we are not allowed to see is missing. */
  topics(): Promise<readonly KnownTopic[]>
  /** `undefined` while the group is rebalancing, or speaks a protocol that is not known here. */
  members(): Promise<readonly GroupShare[] | undefined>
  /** What the group has committed; `undefined` where it has committed nothing. */
  committed(topic: string): Promise<ByPartition<number | undefined>>
  /** Topics of which the group has committed something. */
  committedTopics(): Promise<ReadonlySet<string>>
  ranges(topic: string): Promise<ByPartition<OffsetRange>>
  /** The first offset at or after the time; the end where all records are older. */
  offsetsAt(topic: string, timestamp: number): Promise<ByPartition<number>>
}
