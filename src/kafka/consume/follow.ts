/**
 * Reads topics for a look at their records: in a group of its own that keeps no offsets, so that it takes nothing from the
 * consumers of a flow and leaves no trace.
 */
import { randomBytes } from 'node:crypto'
import type { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { KafkaDriver, StartAt, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'
import type { WantedTopic } from '../topic-selection'
import type { TopicNames } from '../topics/topic-names'
import { wireRecordOf } from './consumed-record'

export interface FollowOptions {
  readonly topics: readonly WantedTopic[]
  readonly start: StartAt
  /** The name of the group begins with it: Kafka's permissions can be given by a beginning. */
  readonly groupPrefix: string
  /** Names tenant and project of records that do not say them. */
  readonly topicNames: TopicNames | undefined
  /** Gets each record; the next one of its partition comes when it has resolved. */
  readonly onRecord: (record: WireRecord) => Promise<void>
  /** All partitions have begun: what is written from now on is read. */
  readonly onReady: (partitions: number) => void
  /** What keeps it from reading; `undefined`: it reads again. */
  readonly onProblem: (problem: PipelineError | undefined) => void
  /** Nothing more is read from this partition. */
  readonly onStopped: (partition: TopicPartition, problem: PipelineError) => void
}

const READ = { maxBytesPerPartition: 1_048_576, maxBatchRecords: 500, maxBatchBytes: 1_048_576 }
const WAIT = { sessionTimeoutMs: 10_000, maxWaitMs: 500, lingerMs: 0, commitEveryMs: 0 }

/** @returns ends it */
export function follow(driver: KafkaDriver, options: FollowOptions): () => Promise<void> {
  const { topics, start, groupPrefix, topicNames, onRecord, onReady, onProblem, onStopped } = options
  /** Where a partition continues that is assigned again. */
  const next = new Map<string, number>()
  const begun = new Set<string>()
  let assigned = 0
  let isClosed = false
  const consumer = driver.consumer({
    ...READ,
    ...WAIT,
    groupId: `${groupPrefix}-${randomBytes(6).toString('hex')}`,
    topics,
    assigner: 'round-robin',
    isObserver: true,
    startOffset: (partition) => {
      const offset = next.get(partitionKey(partition))
      return Promise.resolve(offset === undefined ? start : { offset })
    },
    onBegin: (partition, offset) => {
      next.set(partitionKey(partition), offset)
      begun.add(partitionKey(partition))
      if (begun.size === assigned) onReady(assigned)
      return Promise.resolve()
    },
    onBatch: async (batch) => {
      for (const consumed of batch.records) {
        if (isClosed) return
        const record = wireRecordOf(consumed, batch)
        topicNames?.name(record, batch.topic)
        await onRecord(record)
      }
      next.set(partitionKey(batch), batch.nextOffset)
    },
    onRevoked: (partitions) => {
      for (const partition of partitions) if (begun.delete(partitionKey(partition))) assigned--
    },
    onAssigned: (partitions) => (assigned += partitions.length),
    onState: onProblem,
    onImpaired: onProblem,
    onUnread: () => undefined,
    onStopped: (partition, { problem }) => onStopped(partition, problem),
  })
  consumer.start()
  return async () => {
    isClosed = true
    await consumer.close()
  }
}
