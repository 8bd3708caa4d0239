/**
 * The partitions that this member of a group owns. Each goes through these states, in which `PartitionReader` is the
 * authority:
 *
 *  - It *starts* when the group assigns it: `partition-start.ts` finds the offset and commits it.
 *  - It is *read*: what the client fetches is taken over and handed out, one batch at a time, each as soon as the budget
 *    has room. What is finished is committed. `fetching.ts` pauses it while enough is waiting.
 *  - It *rests* while it is read, when a fetch did not bring what comes next: `fetch-recovery.ts`.
 *  - It *stops* when records may be lost, cannot be read, or were refused by the flow, until `release`.
 *  - It is *revoked* when the group gives it to another member, or the session ends. What is in the flow by then may finish
 *    late; should the partition come back, it waits for that.
 *
 * Nothing here waits for the flow while the client waits for us: a sink may hold a batch for hours, and the member must go
 * on sending heartbeats.
 */
import { backoffMs, type BackoffOptions } from '../../../time/backoff'
import type { PipelineError } from '../../../wire/errors'
import type { ConsumerOptions, OffsetRange, TopicPartition } from '../../driver'
import { partitionKey } from '../../topic-partition'
import { noSuchOffset, notStopped } from '../partition-errors'
import type { BatchBudget } from './batch-budget'
import { FetchPace } from './fetch-pace'
import { FetchRecovery } from './fetch-recovery'
import { Fetching, type FetchControl } from './fetching'
import { forgetOldest, isNewlyDone, ownPartition, type OwnedPartition } from './owned-partition'
import { PartitionCommits } from './partition-commits'
import { sizeOf, type Acceptance, type FetchedRange } from './partition-reader'
import { PartitionStart, type Offsets } from './partition-start'
import { REFUSED, RefusedPartitions, type PartitionAnswer } from './refused-partitions'

const READ_BACKOFF = { initialMs: 500, maxMs: 5_000 }

export interface AssignedPartitionsOptions {
  readonly consumer: ConsumerOptions
  readonly control: FetchControl
  readonly offsets: Offsets
  /** Outlives a membership: what former ones have left, by partition key. */
  readonly past: Map<string, OwnedPartition>
  /** Outlives a membership: what former ones have left in the flow counts. */
  readonly budget: BatchBudget
  readonly translate: (error: unknown) => PipelineError
  /** A part (`commit`, `refused`, a partition) has a problem, or no longer has one. */
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
  /** Between two fetches of what cannot be read, and two questions for an end that seems to be gone. */
  readonly readBackoff?: BackoffOptions
}

export class AssignedPartitions {
  /** When the client fetches. */
  readonly pace: FetchPace
  private readonly owned = new Map<string, OwnedPartition>()
  private readonly commits: PartitionCommits
  private readonly refused: RefusedPartitions
  private readonly fetching: Fetching
  private readonly starts: PartitionStart
  private readonly recovery: FetchRecovery
  private isClosed = false

  constructor(private readonly options: AssignedPartitionsOptions) {
    const { budget, consumer, control, offsets, onProblem, past, translate } = options
    const rest = (attempt: number): Promise<void> => {
      const ms = backoffMs(attempt, options.readBackoff ?? READ_BACKOFF)
      return new Promise((resolve) => void setTimeout(resolve, ms).unref())
    }
    this.refused = new RefusedPartitions((problem) => onProblem(REFUSED, problem))
    this.commits = new PartitionCommits(
      this.owned,
      consumer.isObserver === true ? () => Promise.resolve() : (batch) => control.commit(batch),
      translate,
      (problem) => {
        if (!this.isClosed || problem === undefined) onProblem('commit', problem)
      },
      consumer.commitEveryMs,
    )
    const { commits } = this
    this.fetching = new Fetching(this.owned, control, budget, consumer)
    this.starts = new PartitionStart({ consumer, offsets, past, commits, rest, translate, onProblem })
    const { fetching } = this
    const { lingerMs, maxWaitMs } = consumer
    this.pace = new FetchPace({ lingerMs, maxWaitMs, whole: () => fetching.whole })
    this.recovery = new FetchRecovery({ fetching, commits, offsets, rest, translate, onProblem })
  }

  get ownedPartitions(): TopicPartition[] {
    return [...this.owned.values()].map(({ reader }) => reader.partition)
  }

  // ---- membership --------------------------------------------------------------------------------------------

  /** The group is rebalancing: hands out nothing until `assign`. What is done is committed while we are still a member. */
  beginRebalance(): void {
    this.fetching.beginRebalance()
    this.pace.end()
    this.commits.flush()
  }

  /**
   * The group has distributed its partitions. Call it before the first fetch that follows.
   * @param wasExpelled others may have read our partitions meanwhile: all of them start again
   */
  assign(assigned: readonly TopicPartition[], wasExpelled: boolean): void {
    if (this.isClosed) return
    this.fetching.endRebalance()
    const keys = new Set(assigned.map(partitionKey))
    this.revoke([...this.owned].filter(([key]) => wasExpelled || !keys.has(key)).map(([, own]) => own))
    for (const own of this.owned.values()) this.fetching.seek(own)
    const fresh = assigned.filter((partition) => !this.owned.has(partitionKey(partition)))
    const begun = fresh.map((partition) => this.own(partition))
    this.options.consumer.onAssigned(fresh)
    for (const own of begun) void this.begin(own)
    for (const own of this.owned.values()) this.pump(own)
    this.fetching.balance()
  }

  /** Gives all partitions up. Resolves when the last commits are out. */
  async close(): Promise<void> {
    this.isClosed = true
    this.fetching.close()
    this.pace.end()
    this.revoke([...this.owned.values()])
    await this.commits.idle()
  }

  private own(partition: TopicPartition): OwnedPartition {
    const { maxBatchRecords, maxBatchBytes } = this.options.consumer
    const limits = { maxRecords: maxBatchRecords, maxBytes: maxBatchBytes }
    const own = ownPartition(partition, limits, (it) => this.handOut(it))
    this.owned.set(partitionKey(partition), own)
    this.options.control.pause(partition)
    return own
  }

  private revoke(lost: readonly OwnedPartition[]): void {
    const { consumer, onProblem, past } = this.options
    for (const own of lost) {
      const { partition } = own.reader
      const key = partitionKey(partition)
      own.reader.revoke()
      // When closing, what is done already is still committed.
      if (!this.isClosed) this.commits.drop(partition)
      this.owned.delete(key)
      // One that was taken away before it could begin has nothing in the flow: the one that it waited for has.
      if (!past.has(key)) past.set(key, own)
      forgetOldest(past)
      onProblem(key, undefined)
      this.refused.forget(partition)
    }
    if (lost.length > 0) consumer.onRevoked(lost.map((own) => own.reader.partition))
  }

  private async begin(own: OwnedPartition): Promise<void> {
    const start = await this.starts.find(own)
    if (start === undefined || own.reader.isRevoked) return
    const key = partitionKey(own.reader.partition)
    this.options.past.delete(key)
    this.options.onProblem(key, undefined)
    if (start.stop !== undefined) return this.fetching.stop(own, start.stop)
    own.reader.start(start.offset)
    this.fetching.seek(own)
    this.fetching.balance()
  }

  // ---- fetching ----------------------------------------------------------------------------------------------

  /** See `Fetching`. */
  demand(limitMs: number): Promise<void> {
    return this.fetching.demand(limitMs)
  }

  /** What the client has fetched. @returns true when the client is to continue after it */
  accept(partition: TopicPartition, range: FetchedRange): boolean {
    const own = this.owned.get(partitionKey(partition))
    if (own === undefined || !this.recovery.passesWitness(own, range)) return false
    // What is sound before it is taken first, be it only markers of transactions.
    if (range.unreadable !== undefined && range.nextOffset <= own.reader.position) {
      this.recovery.readAgain(own, range.unreadable)
      return false
    }
    const acceptance = own.reader.accept(range)
    own.unreadable = 0
    this.onAccepted(own, acceptance)
    if (acceptance === 'taken') this.pump(own)
    this.fetching.balance()
    return acceptance === 'taken'
  }

  /** What Kafka has answered about one partition; the client continues with the others. */
  onAnswer(answer: PartitionAnswer): void {
    const { error, partition, request } = answer
    if (error === undefined && this.refused.size === 0 && !this.commits.hasRefused) return
    if (request === 'commit') this.commits.onAnswer(answer)
    const own = this.owned.get(partitionKey(partition))
    if (own === undefined) return
    this.refused.note(answer)
    if (request === 'commit') return
    if (error === undefined) own.refusals = 0
    else this.recovery.onRefused(own)
  }

  private onAccepted(own: OwnedPartition, acceptance: Acceptance): void {
    if (acceptance === 'taken') own.astray = 0
    else if (acceptance !== 'ignored') void this.recovery.examine(own)
  }

  // ---- handing out, committing, releasing --------------------------------------------------------------------

  private pump(own: OwnedPartition): void {
    if (own.reader.canTake) this.options.budget.request(own.handOut)
  }

  /** The partition has its turn. */
  private handOut(own: OwnedPartition): void {
    if (!this.fetching.isMember) return
    const { reader } = own
    const batch = reader.take()
    if (batch === undefined) return
    const leaveFlow = this.options.budget.enter(sizeOf(batch.records))
    own.outstanding = this.options.consumer.onBatch(batch).then(
      () => {
        own.outstanding = undefined
        reader.settle()
        this.pump(own)
        leaveFlow()
        this.fetching.balance()
      },
      (error: unknown) => {
        own.outstanding = undefined
        reader.giveUp()
        leaveFlow()
        if (reader.isRevoked) return
        const problem = this.options.translate(error)
        const { settled } = reader
        this.fetching.stop(own, { problem, nextOffset: batch.firstOffset, settled, end: undefined })
      },
    )
  }

  /** Commits, if the partition is ours and the offset is new. */
  async commit(partition: TopicPartition, nextOffset: number): Promise<void> {
    const own = this.owned.get(partitionKey(partition))
    if (own === undefined || !isNewlyDone(own, nextOffset)) return
    own.doneTo = nextOffset
    if (nextOffset > (own.committed ?? -1)) await this.commits.add(own.reader.partition, nextOffset)
  }

  /** See `KafkaConsumer`. */
  async release(
    partition: TopicPartition,
    offset: number,
    prepare: (range: OffsetRange) => Promise<void>,
  ): Promise<void> {
    const own = this.stopped(partition)
    const range = await this.options.offsets.range(partition).catch((error: unknown) => {
      throw this.options.translate(error)
    })
    if (offset < range.earliest || offset > range.latest) throw noSuchOffset(partition, offset, range)
    await prepare(range)
    if (this.stopped(partition) !== own) throw notStopped(partition)
    own.reader.start(offset)
    own.doneTo = offset
    own.committed = undefined
    own.unreadable = own.astray = 0
    this.fetching.seek(own)
    this.fetching.balance()
    await this.commits.addNow(partition, offset)
  }

  private stopped(partition: TopicPartition): OwnedPartition {
    const own = this.owned.get(partitionKey(partition))
    if (own?.reader.isStopped !== true || own.outstanding !== undefined) throw notStopped(partition)
    return own
  }
}
