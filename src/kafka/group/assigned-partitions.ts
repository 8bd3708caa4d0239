/**
 * The partitions that this member of a group owns: finds where each begins, takes over what the client fetches,
 * hands out one batch of each at a time, commits what is finished, and tells the client which ones to fetch from.
 *
 * Nothing here waits for the flow while the client waits for us: a sink may hold a batch for hours, and the member
 * must go on sending heart-beats.
 */
import { backoffMs, type BackoffOptions } from '../../time/backoff'
import type { PipelineError } from '../../wire/errors'
import { MAX_PARTITIONS } from '../../runtime/recent-map'
import type { BatchBudget } from './batch-budget'
import { partitionKey } from '../topic-partition'
import { CommitQueue, type PartitionOffset } from './commit-queue'
import type { ConsumerOptions, OffsetRange, PartitionStop, StartAt, TopicPartition } from '../driver'
import { PartitionReader, sizeOf, type Acceptance, type FetchedRange } from './partition-reader'
import { RefusedPartitions, type PartitionAnswer } from './refused-partitions'
import { noSuchOffset, notStopped, otherTopic, outOfRange, unreadableAt } from './start-position'

/** What is fetched and waits, of all partitions together. Above it nothing more is fetched. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const START_BACKOFF = { initialMs: 200, maxMs: 5_000 }
/** What cannot be read is fetched so often, in case that it was damaged on the way; then the partition stops. */
const READ_ATTEMPTS = 5
const READ_BACKOFF = { initialMs: 500, maxMs: 5_000 }
/**
 * A broker that was frozen, or cut off from the others, takes itself for the leader until it hears of the new one,
 * and its log ends where that began. So an end before the position has to be answered so often to be believed.
 */
const END_ATTEMPTS = 6
/** The part that has a problem when Kafka refuses some partitions. */
export const REFUSED = 'refused'

/** A record that was read before, as it was then. */
interface Witness {
  readonly offset: number
  readonly timestamp: number
  /** Fetches from elsewhere, because a seek had not taken effect. */
  misses: number
}

/** A partition that this member owns, or has owned. */
export interface OwnedPartition {
  readonly reader: PartitionReader
  /** The group's committed offset, as far as we know. */
  committed: number | undefined
  /** Everything below is finished, whether or not it could be committed. */
  doneTo: number | undefined
  /** Settles when the flow has finished the outstanding batch. */
  outstanding: Promise<void> | undefined
  isFetching: boolean
  /** Fetches in a row that brought nothing that can be read. */
  unreadable: number
  /** Fetches in a row that began elsewhere than at the position. */
  astray: number
  /** Answers in a row in which Kafka refused to let it be read. */
  refusals: number
  /** Not fetched from until a back-off is over, or a fetch from elsewhere has been looked into. */
  isResting: boolean
  /** The record before the start, as it was when it was read: to be seen once, while nothing was handed out. */
  witness: Witness | undefined
  /** What it calls when the budget has room for its next batch. */
  readonly handOut: () => void
}

/** Why a partition cannot be read from an offset on, and where it ends. */
interface Loss {
  readonly problem: PipelineError
  readonly nextOffset: number
  readonly end: number
}

/** The client, as far as the partitions need it. */
export interface FetchControl {
  /** From now on the partition is fetched from here; what is under way may still arrive. */
  seek(partition: TopicPartition, offset: number): void
  pause(partition: TopicPartition): void
  resume(partition: TopicPartition): void
  commit(offsets: readonly PartitionOffset[]): Promise<void>
}

/** Questions to Kafka. */
export interface Offsets {
  committed(partition: TopicPartition): Promise<number | undefined>
  range(partition: TopicPartition): Promise<OffsetRange>
  resolve(partition: TopicPartition, start: StartAt, range: OffsetRange): Promise<number>
}

export interface AssignedPartitionsOptions {
  readonly consumer: ConsumerOptions
  readonly control: FetchControl
  readonly offsets: Offsets
  /** Outlives a membership: what former ones have left, by partition key. */
  readonly past: Map<string, OwnedPartition>
  /** Outlives a membership: what former ones have left in the flow counts. */
  readonly budget: BatchBudget
  readonly translate: (error: unknown) => PipelineError
  /** A part (`commit`, `refused`, a partition) has a problem, or has it no more. */
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
  /** Between two fetches of what cannot be read, and two questions for an end that seems to be gone. */
  readonly readBackoff?: BackoffOptions
}

export class AssignedPartitions {
  private readonly owned = new Map<string, OwnedPartition>()
  private readonly commits: CommitQueue
  private readonly refused: RefusedPartitions
  /** Keys of what the commit that is under way was refused for. */
  private readonly uncommitted = new Set<string>()
  private readonly waitingForDemand = new Set<() => void>()
  private isHeld = false
  private isClosed = false

  constructor(private readonly options: AssignedPartitionsOptions) {
    this.refused = new RefusedPartitions((problem) => options.onProblem(REFUSED, problem))
    this.commits = new CommitQueue(
      (offsets) => this.sendCommits(offsets),
      (error) => {
        if (!this.isClosed) options.onProblem('commit', options.translate(error))
      },
    )
  }

  get ownedPartitions(): TopicPartition[] {
    return [...this.owned.values()].map(({ reader }) => reader.partition)
  }

  /** The group is distributing its partitions anew: hand out nothing until `assign`. */
  hold(): void {
    this.isHeld = true
    this.answerDemand()
  }

  /**
   * The group has distributed its partitions. Call it before the first fetch that follows.
   * @param wasExpelled others may have read our partitions meanwhile: all of them begin anew
   */
  assign(assigned: readonly TopicPartition[], wasExpelled: boolean): void {
    if (this.isClosed) return
    this.isHeld = false
    const keys = new Set(assigned.map(partitionKey))
    this.revoke([...this.owned].filter(([key]) => wasExpelled || !keys.has(key)).map(([, own]) => own))
    for (const own of this.owned.values()) this.seek(own)
    const fresh = assigned.filter((partition) => !this.owned.has(partitionKey(partition)))
    const begun = fresh.map((partition) => this.own(partition))
    this.options.consumer.onAssigned(fresh)
    for (const own of begun) void this.begin(own)
    for (const own of this.owned.values()) this.pump(own)
    this.balance()
  }

  /** What the client has fetched. @returns true when the client shall go on after it */
  accept(partition: TopicPartition, range: FetchedRange): boolean {
    const own = this.owned.get(partitionKey(partition))
    if (own === undefined) return false
    if (own.witness !== undefined && !this.hear(own, own.witness, range)) return false
    if (range.unreadable !== undefined && range.records.length === 0) {
      this.readAgain(own, range.unreadable)
      return false
    }
    const acceptance = own.reader.accept(range)
    own.unreadable = 0
    this.onAccepted(own, acceptance)
    if (acceptance === 'taken') this.pump(own)
    this.balance()
    return acceptance === 'taken'
  }

  /** The client has passed over a range without records. */
  skip(partition: TopicPartition, firstOffset: number | undefined, nextOffset: number): void {
    const own = this.owned.get(partitionKey(partition))
    if (own === undefined) return
    own.witness = undefined
    this.onAccepted(own, own.reader.skip(firstOffset ?? own.reader.position, nextOffset))
  }

  /** What Kafka has answered about one partition; the client goes on with the others. */
  onAnswer(answer: PartitionAnswer): void {
    if (answer.error === undefined && this.refused.size + this.uncommitted.size === 0) return
    const key = partitionKey(answer.partition)
    if (answer.request === 'commit') {
      if (answer.error === undefined) this.uncommitted.delete(key)
      else this.uncommitted.add(key)
    }
    const own = this.owned.get(key)
    if (own === undefined) return
    this.refused.note(answer)
    if (answer.request === 'commit') return
    if (answer.error === undefined) own.refusals = 0
    else if (!own.isResting) this.restFrom(own)
  }

  /**
   * Resolves when a partition is to be fetched from, or after so long: a client that finds all partitions paused
   * would sleep for its whole `maxWaitMs` instead, and the flow would run dry.
   */
  async demand(limitMs: number): Promise<void> {
    if (this.isWanted()) return
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        clearTimeout(timer)
        this.waitingForDemand.delete(goOn)
        resolve()
      }
      const timer = setTimeout(goOn, limitMs)
      this.waitingForDemand.add(goOn)
    })
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
    this.seek(own)
    this.balance()
    await this.commits.add(partition, offset)
  }

  private stopped(partition: TopicPartition): OwnedPartition {
    const own = this.owned.get(partitionKey(partition))
    if (own?.reader.isStopped !== true || own.outstanding !== undefined) throw notStopped(partition)
    return own
  }

  /** Gives all partitions up. Resolves when the last commits are out. */
  async close(): Promise<void> {
    this.isClosed = true
    this.answerDemand()
    this.revoke([...this.owned.values()])
    await this.commits.idle()
  }

  // ---- ownership ---------------------------------------------------------------------------------------------

  private own(partition: TopicPartition): OwnedPartition {
    const { maxBatchRecords, maxBatchBytes } = this.options.consumer
    const reader = new PartitionReader(partition, { maxRecords: maxBatchRecords, maxBytes: maxBatchBytes })
    const own: OwnedPartition = {
      reader,
      committed: undefined,
      doneTo: undefined,
      outstanding: undefined,
      isFetching: false,
      unreadable: 0,
      astray: 0,
      refusals: 0,
      isResting: false,
      witness: undefined,
      handOut: () => this.handOut(own),
    }
    this.owned.set(partitionKey(partition), own)
    this.options.control.pause(partition)
    return own
  }

  private revoke(lost: readonly OwnedPartition[]): void {
    for (const own of lost) {
      const { partition } = own.reader
      const key = partitionKey(partition)
      own.reader.revoke()
      // When closing, what is done already is still committed.
      if (!this.isClosed) this.commits.drop(partition)
      this.owned.delete(key)
      // One that was taken away before it could begin has nothing in the flow: the one that it waited for has.
      if (!this.options.past.has(key)) this.options.past.set(key, own)
      forgetOldest(this.options.past)
      this.options.onProblem(key, undefined)
      this.refused.forget(partition)
    }
    if (lost.length > 0) this.options.consumer.onRevoked(lost.map((own) => own.reader.partition))
  }

  /** Finds the start offset, however long it takes, and begins to read. */
  private async begin(own: OwnedPartition): Promise<void> {
    const { reader } = own
    const { partition } = reader
    const { consumer, offsets, onProblem, past, translate } = this.options
    const before = past.get(partitionKey(partition))
    await before?.outstanding
    for (let attempt = 1; !reader.isRevoked; attempt++) {
      try {
        own.committed = await offsets.committed(partition)
        const start = await consumer.startOffset(partition, alsoDone(own.committed, before))
        if (typeof start === 'object' && 'stop' in start) {
          if (!reader.isRevoked) this.startAt(own, start.stop.nextOffset, start.stop)
          return
        }
        const range = await offsets.range(partition)
        const offset = await offsets.resolve(partition, start, range)
        const loss = await this.lossAt(own, offset, range, reachedBy(start))
        if (loss === undefined) {
          await consumer.onBegin?.(partition, offset)
          await this.pin(own, offset)
          own.witness = witnessOf(start, range)
        }
        if (!reader.isRevoked) this.startAt(own, offset, loss && { ...loss, settled: offset })
        return
      } catch (error) {
        if (reader.isRevoked) return
        onProblem(partitionKey(partition), translate(error))
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, START_BACKOFF)))
      }
    }
  }

  /**
   * Commits a start that the group has not committed, before anything is handed out. A sink that has never written has no
   * other position, and "latest" and a time mean the first start: a crash before the first commit must not skip anything.
   */
  private async pin(own: OwnedPartition, offset: number): Promise<void> {
    for (let attempt = 1; own.committed === undefined && !own.reader.isRevoked; attempt++) {
      await this.commits.add(own.reader.partition, offset)
      if (own.committed === undefined) await this.rest(attempt)
    }
  }

  private startAt(own: OwnedPartition, offset: number, stop: PartitionStop | undefined): void {
    const { partition } = own.reader
    this.options.past.delete(partitionKey(partition))
    this.options.onProblem(partitionKey(partition), undefined)
    if (stop !== undefined) return this.stop(own, stop)
    own.reader.start(offset)
    this.seek(own)
    this.balance()
  }

  private stop(own: OwnedPartition, stop: PartitionStop): void {
    own.reader.stop()
    this.balance()
    this.options.consumer.onStopped(own.reader.partition, stop)
  }

  // ---- fetching ----------------------------------------------------------------------------------------------

  private onAccepted(own: OwnedPartition, acceptance: Acceptance): void {
    if (acceptance === 'taken') own.astray = 0
    else if (acceptance !== 'ignored') void this.examine(own)
  }

  /**
   * The client has fetched from elsewhere than the position: a `seek` came too late for it, or Kafka has refused the
   * position. Goes back there if Kafka has it, else stops the partition.
   */
  private async examine(own: OwnedPartition): Promise<void> {
    const { reader } = own
    const { offsets, onProblem, translate } = this.options
    if (own.isResting) return
    own.witness = undefined
    own.isResting = true
    own.astray++
    this.balance()
    if (own.astray > 1) await this.rest(own.astray - 1)
    let loss: Loss | undefined
    for (let attempt = 1; reader.isReading; attempt++) {
      try {
        loss = await this.lossAt(own, reader.position, await offsets.range(reader.partition))
        break
      } catch (error) {
        if (!reader.isRevoked) onProblem(partitionKey(reader.partition), translate(error))
        await this.rest(attempt)
      }
    }
    if (!reader.isRevoked) onProblem(partitionKey(reader.partition), undefined)
    if (reader.isReading) {
      // The client may have committed the offset it has jumped to; a restart must not begin there.
      void this.commits.add(reader.partition, own.doneTo ?? reader.settled)
      if (loss !== undefined) this.stop(own, { ...loss, settled: reader.settled })
    }
    this.goBack(own)
  }

  /**
   * Why it cannot be read from this offset on. An end before it is asked for again, see `END_ATTEMPTS`.
   * @param reached somebody has read up to there, so an end before that is as wrong as one before the offset
   */
  private async lossAt(
    { reader }: OwnedPartition,
    offset: number,
    range: OffsetRange,
    reached = offset,
  ): Promise<Loss | undefined> {
    for (let attempt = 1; ; attempt++) {
      const end = range.latest
      const nextOffset = reached > end ? reached : offset
      if (nextOffset <= end || attempt === END_ATTEMPTS || reader.isRevoked) {
        const problem = outOfRange(reader.partition, nextOffset, range)
        return problem && { problem, nextOffset, end }
      }
      await this.rest(attempt)
      range = await this.options.offsets.range(reader.partition)
    }
  }

  /** What comes next cannot be read: fetches it again after a pause, and stops the partition when that is no help. */
  private readAgain(own: OwnedPartition, reason: string): void {
    const { reader } = own
    if (!reader.isReading || own.isResting) return
    // What was fetched before it is handed out first.
    if (own.outstanding === undefined && reader.waitingBytes === 0) own.unreadable++
    if (own.unreadable >= READ_ATTEMPTS) {
      const problem = unreadableAt(reader.partition, reader.position, reason)
      return this.stop(own, {
        problem,
        nextOffset: reader.position,
        settled: reader.settled,
        end: undefined,
      })
    }
    own.isResting = true
    this.balance()
    void this.rest(Math.max(1, own.unreadable)).then(() => this.goBack(own))
  }

  /** A refusal is answered at once: without a pause it would be asked for without end. */
  private restFrom(own: OwnedPartition): void {
    own.refusals++
    own.isResting = true
    this.balance()
    void this.rest(own.refusals).then(() => this.goBack(own))
  }

  private rest(attempt: number): Promise<void> {
    const ms = backoffMs(attempt, this.options.readBackoff ?? READ_BACKOFF)
    return new Promise((resolve) => void setTimeout(resolve, ms).unref())
  }

  private goBack(own: OwnedPartition): void {
    own.isResting = false
    if (this.owned.get(partitionKey(own.reader.partition)) !== own) return
    this.seek(own)
    this.balance()
  }

  private seek({ reader, witness }: OwnedPartition): void {
    const offset = witness?.offset ?? reader.position
    if (reader.isReading && !this.isClosed) this.options.control.seek(reader.partition, offset)
  }

  /**
   * The first fetch begins one record early, and is compared with what was read there: a topic that was created again and
   * has outgrown the position looks sound otherwise. A record that is gone says nothing.
   * @returns false when the range is not to be taken
   */
  private hear(
    own: OwnedPartition,
    witness: Witness,
    { fetchedOffset, nextOffset, records }: FetchedRange,
  ): boolean {
    const { reader } = own
    if (!reader.isReading) return true
    const isHeard = fetchedOffset === witness.offset
    if (isHeard || ++witness.misses > READ_ATTEMPTS) own.witness = undefined
    if (!isHeard) {
      this.seek(own)
      return false
    }
    const [record] = records
    if (record?.offset === witness.offset && record.timestamp !== witness.timestamp) {
      const offset = reader.position
      this.stop(own, {
        problem: otherTopic(reader.partition, offset),
        nextOffset: offset,
        settled: offset,
        end: 0,
      })
      return false
    }
    if (nextOffset > reader.position) return true
    this.seek(own)
    return false
  }

  /** Pauses and resumes partitions by what is waiting. */
  private balance(): void {
    if (this.isClosed) return
    let waiting = 0
    for (const { reader } of this.owned.values()) waiting += reader.waitingBytes
    for (const own of this.owned.values()) {
      const hasRoom = waiting < MAX_WAITING_BYTES || (this.options.budget.hasRoom && isIdle(own))
      const wanted = own.reader.wantsMore && !own.isResting && hasRoom
      if (wanted !== own.isFetching) this.setFetching(own, wanted)
    }
    this.answerDemand()
  }

  private isWanted(): boolean {
    return this.isClosed || this.isHeld || [...this.owned.values()].some(({ isFetching }) => isFetching)
  }

  private answerDemand(): void {
    if (this.waitingForDemand.size > 0 && this.isWanted()) for (const goOn of this.waitingForDemand) goOn()
  }

  private setFetching(own: OwnedPartition, isFetching: boolean): void {
    own.isFetching = isFetching
    if (isFetching) this.options.control.resume(own.reader.partition)
    else this.options.control.pause(own.reader.partition)
  }

  // ---- handing out and committing ----------------------------------------------------------------------------

  private pump(own: OwnedPartition): void {
    if (own.reader.canTake) this.options.budget.request(own.handOut)
  }

  /** The partition has its turn. */
  private handOut(own: OwnedPartition): void {
    if (this.isClosed || this.isHeld) return
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
        this.balance()
      },
      (error: unknown) => {
        own.outstanding = undefined
        reader.giveUp()
        leaveFlow()
        if (reader.isRevoked) return
        const problem = this.options.translate(error)
        this.stop(own, { problem, nextOffset: batch.firstOffset, settled: reader.settled, end: undefined })
      },
    )
  }

  private async sendCommits(offsets: readonly PartitionOffset[]): Promise<void> {
    this.uncommitted.clear()
    await this.options.control.commit(offsets)
    for (const partition of offsets) {
      const key = partitionKey(partition)
      const own = this.owned.get(key)
      if (own !== undefined && !this.uncommitted.has(key)) own.committed = partition.offset
    }
    this.options.onProblem('commit', undefined)
  }
}

/** Topics that were deleted never come back. What is still in the flow has to be waited for. */
function forgetOldest(past: Map<string, OwnedPartition>): void {
  if (past.size <= MAX_PARTITIONS) return
  for (const [key, { outstanding }] of past) if (outstanding === undefined) return void past.delete(key)
}

/** Where the group really is: what our own last membership finished, and could not commit any more, counts. */
export function alsoDone(
  committed: number | undefined,
  before: Pick<OwnedPartition, 'committed' | 'doneTo'> | undefined,
): number | undefined {
  if (before?.doneTo === undefined) return committed
  const isOurs = committed === before.committed || (committed ?? -1) > (before.committed ?? -1)
  return isOurs && (committed ?? -1) < before.doneTo ? before.doneTo : committed
}

/** Its next batch could be handed out at once, and would not wait for anything but its turn. */
function isIdle({ reader, outstanding }: OwnedPartition): boolean {
  return outstanding === undefined && reader.waitingBytes === 0
}

function witnessOf(start: StartAt, { earliest }: OffsetRange): Witness | undefined {
  if (typeof start !== 'object' || !('offset' in start) || start.lastTimestamp === undefined) return undefined
  const offset = start.offset - 1
  return offset < earliest ? undefined : { offset, timestamp: start.lastTimestamp, misses: 0 }
}

function reachedBy(start: StartAt): number | undefined {
  return typeof start === 'object' && 'offset' in start ? start.reached : undefined
}

/** A commit must be of something that was handed out, and must not go back. */
export function isNewlyDone({ reader, doneTo }: OwnedPartition, nextOffset: number): boolean {
  return nextOffset <= reader.handedOut && nextOffset > (doneTo ?? -1)
}
