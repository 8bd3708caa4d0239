/**
 * What this package needs from a Kafka client, and nothing else: send these records to this partition, consume
 * these partitions, administer these topics. Each folder in `drivers/` implements it.
 * One contract suite tests every implementation against a real broker.
 *
 * Rules that every implementation keeps (each one has lost acknowledged records somewhere):
 *  1. The caller chooses the partition; a send goes to exactly one.
 *  2. The caller has at most one send per partition outstanding.
 *  3. `acks=all`, idempotent, no automatic creation of topics.
 *  4. A send resolves only if the broker's answer names the partition, no error, and an offset.
 *  5. No retries inside beyond what keeps rule 2: the caller retries the identical batch, the same array. When batches of
 *     several partitions share a request, the outcome of each is its own.
 *  6. A batch that failed may have been stored. Another one for its partition must not be taken for its repetition.
 */
import type { PipelineError } from '../wire/errors'
import type { HeaderBytes } from '../record/record-headers'
import type { HeaderText, OffsetGap } from '../wire/message'
import type { WantedTopic } from './topic-selection'

export interface KafkaRecord {
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  /** A name with several values is written once for each. */
  readonly headers: Readonly<Record<string, HeaderText | readonly HeaderText[]>>
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** The flow has chosen the timestamp; otherwise it is from the clock of this machine. */
  readonly hasOwnTime?: boolean
  /** The flow has chosen the partition; otherwise it is that of the key. */
  readonly hasOwnPartition?: boolean
}

/** Key, value and headers may be made with every question: ask once. */
export interface ConsumedRecord {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Of key and value, in bytes. */
  readonly size: number
  /** At less cost than a look into the headers. */
  hasHeader(name: string): boolean
  /** The headers as they came; `undefined` when a name is repeated, or when the driver has no bytes. */
  readonly headerBytes: HeaderBytes | undefined
  readonly headers: Readonly<Record<string, HeaderText | (HeaderText | null)[] | null | undefined>>
  readonly timestamp: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A partition that no member of the group reads. */
export interface UnreadPartition extends TopicPartition {
  /** Records that wait in it. */
  readonly lag: number
}

export interface KafkaDriver {
  producer(options: ProducerOptions): KafkaProducer
  consumer(options: ConsumerOptions): KafkaConsumer
  admin(): KafkaAdmin
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface ProducerOptions {
  readonly compression: Compression
  /** How long the broker may wait for its replicas. */
  readonly requestTimeoutMs: number
}

export interface KafkaProducer {
  /** The number of partitions of a topic. @throws PipelineError `KAFKA_UNKNOWN_TOPIC` and the like */
  partitionCount(topic: string): Promise<number>
  /**
   * @returns the offset of the first record
   * @throws PipelineError: `retryable` says whether the same batch may be sent again; a retryable error may mean
   *         that the batch has been stored all the same
   */
  send(topic: string, partition: number, records: readonly KafkaRecord[]): Promise<number>
  close(): Promise<void>
}

export interface ConsumerOptions {
  readonly groupId: string
  readonly topics: readonly WantedTopic[]
  readonly sessionTimeoutMs: number
  /** How the group shares its partitions; `sticky`: a partition stays with its member when it can. */
  readonly assigner: Assigner
  /** How much one answer of the broker may carry for a partition. */
  readonly maxBytesPerPartition: number
  /** How long a fetch may wait for records at the broker. */
  readonly maxWaitMs: number
  /** How long records gather before they are fetched, while there are some all the time; 0: never. See `FetchPace`. */
  readonly lingerMs: number
  /** How far apart commits of offsets begin. What is done when partitions are given up is committed at once. */
  readonly commitEveryMs: number
  /** The group keeps no offsets, not even where it began: for a look at the records that leaves no trace. */
  readonly isObserver?: boolean
  /** A batch handed to `onBatch` has at most this many records, and this many bytes or one record. */
  readonly maxBatchRecords: number
  readonly maxBatchBytes: number
  /**
   * Where to begin a partition that has just been assigned. The driver must not deliver a record before this has
   * answered, nor one below the answer.
   */
  readonly startOffset: (
    partition: TopicPartition,
    committed: number | undefined,
  ) => Promise<StartAt | StillStopped>
  /**
   * The partition begins at this offset, and nothing of it was handed out: positions that are kept elsewhere are set now.
   * When it rejects, all of it is tried again.
   */
  readonly onBegin?: (partition: TopicPartition, offset: number) => Promise<void>
  /**
   * Called for each batch of one partition, in order, with the next one only after the promise has resolved. That
   * holds across rebalances: a partition that comes back does not start before its last promise has resolved.
   */
  readonly onBatch: (batch: ConsumedBatch) => Promise<void>
  /** The partition has been taken away: what is outstanding of it must no longer be committed. */
  readonly onRevoked: (partitions: readonly TopicPartition[]) => void
  /** We have joined the group, and own these partitions besides those we had. May be none. */
  readonly onAssigned: (partitions: readonly TopicPartition[]) => void
  /** The connection state, for the status: `undefined` when all is well. */
  readonly onState: (problem: PipelineError | undefined) => void
  /** Some topics or partitions are not read while the others are; `undefined` when all are read. */
  readonly onImpaired: (problem: PipelineError | undefined) => void
  /** Partitions of our topics that no member of the group reads; called now and then, also with none. */
  readonly onUnread: (partitions: readonly UnreadPartition[]) => void
  /**
   * Nothing more is read from this partition, because records may be lost (`KAFKA_OFFSET_OUT_OF_RANGE`) or
   * cannot be read (`KAFKA_UNREADABLE`), or because `onBatch` has rejected, until it is released or assigned again.
   */
  readonly onStopped: (partition: TopicPartition, stop: PartitionStop) => void
  /** A pattern matches these topics, and they are not read: see `selectTopics`. Called when there are others than before. */
  readonly onExcluded?: (topics: readonly string[]) => void
}

/** Why nothing more is read from a partition, and what was known of it at that moment. */
export interface PartitionStop {
  readonly problem: PipelineError
  /** What should have been read. */
  readonly nextOffset: number
  /** Everything before it was finished. */
  readonly settled: number
  /**
   * One after the last offset of the partition, 0 when the topic was created again; `undefined` when Kafka was not asked
   * for it.
   */
  readonly end: number | undefined
}

/** A partition has stopped before, was not released, and must not begin. */
export interface StillStopped {
  readonly stop: PartitionStop
}

/** What a partition holds: its first offset, and the one after its last. */
export interface OffsetRange {
  readonly earliest: number
  readonly latest: number
}

export type Assigner = 'round-robin' | 'sticky'

/**
 * `lastTimestamp`: the record before the offset had this time when it was read; if it has another one now, the topic was
 * created again. `reached`: it was read up to there, so a partition that ends before is not the one that was read.
 */
export type StartAt =
  | { readonly offset: number; readonly reached?: number; readonly lastTimestamp?: number | undefined }
  | 'earliest'
  | 'latest'
  | { readonly timestamp: number }

export interface ConsumedBatch extends TopicPartition {
  readonly records: readonly ConsumedRecord[]
  /** First offset that the range covers; below the first record's when compaction left a gap. */
  readonly firstOffset: number
  /** The offset after the range. */
  readonly nextOffset: number
  /** One more than the newest record's offset in the partition. */
  readonly highWatermark: number
  /** Offsets of the batch that have no record: see `wire/offset-gaps.ts`. */
  readonly gaps: readonly OffsetGap[]
}

export interface KafkaConsumer {
  /** Connects and joins; retries indefinitely and reports through `onState`. Never rejects. */
  start(): void
  /**
   * Commits the next offset to read. Ignored when the partition has been revoked, or when the offset was not
   * handed out or is committed already. Resolves when it is committed or given up; never rejects.
   */
  commit(partition: TopicPartition, nextOffset: number): Promise<void>
  /**
   * A partition that has stopped continues at this offset, which the group commits, also when it is a smaller one.
   * @param prepare called when all is well so far and before anything is read: moves positions that are kept elsewhere
   * @throws PipelineError `KAFKA_NOT_STOPPED`, `KAFKA_NO_SUCH_OFFSET`, or what `prepare` throws
   */
  release(
    partition: TopicPartition,
    offset: number,
    prepare: (range: OffsetRange) => Promise<void>,
  ): Promise<void>
  /** Leaves the group and disconnects. */
  close(): Promise<void>
}

export interface TopicDescription {
  readonly topic: string
  readonly partitions: number
  readonly replicas: number
  /** `undefined` when we are not allowed to read the topic's configuration. */
  readonly minInSyncReplicas: number | undefined
  /** -1 keeps records indefinitely; `undefined` when we are not allowed to read it. */
  readonly retentionMs: number | undefined
  /** `delete`, `compact` or both with a comma; `undefined` when we are not allowed to read it. */
  readonly cleanupPolicy: string | undefined
  /** The broker replaces the time of each record by its own; `undefined` when we are not allowed to read it. */
  readonly hasAppendTime: boolean | undefined
  /** The largest batch that it takes, as written; `undefined` when we are not allowed to read it. */
  readonly maxMessageBytes: number | undefined
}

export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  readonly replicas: number
  readonly config: Readonly<Record<string, string>>
}

export interface GroupDescription {
  /** That are connected. */
  readonly members: number
  /** Of which it has committed something. */
  readonly topics: readonly string[]
}

export interface KafkaAdmin {
  clusterId(): Promise<string>
  /** How many brokers are up. */
  brokerCount(): Promise<number>
  /** The `host:port` under which each broker that is up wants to be reached (`advertised.listeners`). */
  brokerAddresses(): Promise<readonly string[]>
  /** Whether a topic comes into being when a client asks for it; `undefined` when we are not allowed to ask. */
  createsTopics(): Promise<boolean | undefined>
  /** The number of partitions of each topic that we may see. */
  partitionCounts(): Promise<ReadonlyMap<string, number>>
  /** From the first to the last record; those that compaction has deleted in between count. */
  recordCount(topic: string): Promise<number>
  groupNames(): Promise<readonly string[]>
  describeGroup(group: string): Promise<GroupDescription>
  /** The names of all topics that we may see. */
  topicNames(): Promise<readonly string[]>
  /** `undefined` when there is no such topic. */
  describeTopic(topic: string): Promise<TopicDescription | undefined>
  /** Creates the topic and waits for its leaders. An existing one is left as it is. */
  createTopic(topic: NewTopic): Promise<void>
  /** First offset, and one after the last. */
  offsets(partition: TopicPartition): Promise<OffsetRange>
  close(): Promise<void>
}
