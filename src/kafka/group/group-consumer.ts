/**
 * A member of a consumer group that stays one until it is closed. A client's session ends on some errors; each end is
 * followed by a new session, after a back-off. A driver provides the session, and nothing else.
 */
import { backoffMs } from '../../time/backoff'
import type { PipelineError } from '../../wire/errors'
import type { ConsumerOptions, KafkaConsumer, OffsetRange, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'
import { ConsumerProblems } from './consumer-problems'
import { FirstStarts } from './first-starts'
import type { AssignedPartitions } from './partitions/assigned-partitions'
import { BatchBudget } from './partitions/batch-budget'
import { isNewlyDone, type OwnedPartition } from './partitions/owned-partition'
import { notStopped } from './partition-errors'

const SESSION_BACKOFF = { initialMs: 500, maxMs: 5_000 }
const REFRESH_MS = 30_000

/** One membership of the group, from the connection to its end. */
export interface GroupSession {
  readonly partitions: AssignedPartitions
  /** The group has taken us in. */
  readonly hasJoined: boolean
  /** Resolves when the topics have changed and a new session is wanted; rejects when the session has failed. */
  run(): Promise<void>
  /** Leaves the group and disconnects. Never rejects. */
  close(): Promise<void>
}

/** What a session works with. It outlives the session. */
export interface SessionContext {
  readonly consumer: ConsumerOptions
  /** What former memberships have left, by partition key. */
  readonly past: Map<string, OwnedPartition>
  /** What former memberships have left in the flow counts. */
  readonly budget: BatchBudget
  readonly firstStarts: FirstStarts
  /** How often new topics and partitions are looked for. */
  readonly refreshMs: number
  readonly translate: (error: unknown) => PipelineError
  /** A part (`connection`, `topics`, `commit`, a partition) has a problem, or no longer has one. */
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
  /** These topics match a pattern, and are not read. Called repeatedly. */
  readonly onExcluded: (topics: readonly string[]) => void
}

export interface GroupConsumerOptions {
  readonly consumer: ConsumerOptions
  readonly openSession: (context: SessionContext) => GroupSession
  /** @param doing what was being done, as the beginning of a sentence */
  readonly translate: (error: unknown, doing: string) => PipelineError
  readonly refreshMs: number | undefined
}

export class GroupConsumer implements KafkaConsumer {
  private readonly context: SessionContext
  private excluded = ''
  private session: GroupSession | undefined
  private supervision: Promise<void> | undefined
  private isClosed = false
  private wake: () => void = () => undefined

  constructor(private readonly options: GroupConsumerOptions) {
    const { consumer, refreshMs = REFRESH_MS, translate } = options
    const problems = new ConsumerProblems(consumer)
    this.context = {
      consumer,
      past: new Map(),
      budget: new BatchBudget(),
      firstStarts: new FirstStarts(),
      refreshMs,
      translate: (error) => translate(error, `reading from Kafka as group ${consumer.groupId}`),
      onProblem: (part, problem) => problems.set(part, problem),
      onExcluded: (topics) => this.noteExcluded(topics),
    }
  }

  start(): void {
    this.supervision ??= this.supervise()
  }

  async commit(partition: TopicPartition, nextOffset: number): Promise<void> {
    const former = this.context.past.get(partitionKey(partition))
    if (former !== undefined && isNewlyDone(former, nextOffset)) former.doneTo = nextOffset
    await this.session?.partitions.commit(partition, nextOffset)
  }

  async release(
    partition: TopicPartition,
    offset: number,
    prepare: (range: OffsetRange) => Promise<void>,
  ): Promise<void> {
    if (this.session === undefined) throw notStopped(partition)
    await this.session.partitions.release(partition, offset, prepare)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.wake()
    await this.session?.close()
    await this.supervision
  }

  private async supervise(): Promise<void> {
    const { openSession } = this.options
    for (let attempt = 1; !this.isClosed; attempt++) {
      let session: GroupSession | undefined
      let failed = false
      try {
        this.session = session = openSession(this.context)
        await session.run()
      } catch (error) {
        failed = true
        if (!this.isClosed) this.context.onProblem('connection', this.context.translate(error))
      }
      await session?.close()
      if (session?.hasJoined === true) attempt = 1
      if (failed && !this.isClosed) await this.pause(backoffMs(attempt, SESSION_BACKOFF))
    }
  }

  private noteExcluded(topics: readonly string[]): void {
    const names = topics.join()
    if (names !== this.excluded && names !== '') this.options.consumer.onExcluded?.(topics)
    this.excluded = names
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.isClosed) this.wake()
    })
  }
}
