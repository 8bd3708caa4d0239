/**
 * One membership of a consumer group with kafkajs 2.2.4: from the connection to the end of it. When anything goes
 * wrong that kafkajs does not mend, the session ends, and `KafkaJsConsumer` begins another.
 *
 * Non-obvious, each of these has lost or repeated records, or a membership:
 *  - A member that does not send heart-beats is expelled, and kafkajs sends them only between fetches. So
 *    `eachBatch` does not wait for the flow: it takes over what was fetched; the partition is paused when enough
 *    is waiting. Only when all of them are paused it waits a moment for the first that is not: kafkajs would
 *    sleep for as long as a fetch may take.
 *  - After each join kafkajs fetches from the committed offset. The listener of GROUP_JOIN runs before the first
 *    fetch, so that is where new partitions are paused, and the ones that stay are sought to where they are.
 *  - A `seek` takes effect with a later fetch, and an offset out of range makes kafkajs commit and fetch from its
 *    default offset, without a word. So the offset that was asked for (`batch.fetchedOffset`, not in the public
 *    types) is compared with the reader's position, every time.
 *  - Kafka accepts an offset commit of any member for any partition. Whether we own it has to be known here.
 *  - A member id that has changed means that we were expelled.
 *  - When the answer to joining again is lost, or is an error, kafkajs may go on as if it had joined: its heart-beats
 *    are good, and it fetches nothing, for ever. It fetches only when it has done with joining, so a fetch that begins
 *    before GROUP_JOIN tells. Or it goes on fetching as nobody's member, when it was expelled before: it has no member
 *    id then, so it sends no heart-beat.
 */
import type { Admin, Batch, Consumer, EachBatchPayload } from 'kafkajs'
import { settlesWithin } from '../../../time/deadline'
import { PipelineError } from '../../../wire/errors'
import { gapsIn, NO_GAPS } from '../../../wire/offset-gaps'
import type { OffsetGap } from '../../../wire/message'
import { AssignedPartitions, type OwnedPartition } from '../../group/assigned-partitions'
import type { BatchBudget } from '../../group/batch-budget'
import type { ConsumedRecord, ConsumerOptions, OffsetRange, TopicPartition } from '../../driver'
import { unreadableReason } from './patches/batch-check'
import { groupAssigners } from './assigners'
import type { KafkaJsClient } from './client'
import type { FirstStarts } from '../../group/first-starts'
import { tolerateBrokenTopics } from './patches/metadata'
import { OffsetLookup } from './offsets'
import { notSubscribed, TopicWatch } from './topic-watch'
import type { FetchedRange } from '../../group/partition-reader'

/** One answer of a broker, all partitions together; it takes several times its size while it is decoded. */
const MAX_BYTES_PER_FETCH = 2 * 1024 * 1024
/** A session that has failed is cheap to replace: kafkajs gives up soon. */
const RETRY = {
  retries: 4,
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  restartOnFailure: () => Promise.resolve(false),
}
const REBALANCE_TIMEOUT_MS = 15_000
/** A client that has done nothing at all for three session time-outs and this long is stuck. */
const STUCK_AFTER_MS = 30_000
const MAX_LOOK_INTERVAL_MS = 5_000
/** A coordinator that has just taken over counts a session time-out of its own; behind it no membership is left. */
const EXPELLED_AFTER_SESSIONS = 2
/** No heart-beat is sent meanwhile; the shortest interval of them is three times as long. */
const MAX_DEMAND_WAIT_MS = 500

export interface SessionOptions {
  readonly client: KafkaJsClient
  readonly consumer: ConsumerOptions
  readonly past: Map<string, OwnedPartition>
  readonly budget: BatchBudget
  readonly firstStarts: FirstStarts
  readonly translate: (error: unknown) => PipelineError
  /** How often new topics and partitions are looked for. */
  readonly refreshMs: number
  /** A part (`connection`, `topics`, a partition) has a problem, or has it no more. */
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
  /** These topics match a pattern, and are not read. Called again and again. */
  readonly onExcluded: (topics: readonly string[]) => void
}

export class KafkaJsSession {
  private readonly admin: Admin
  private readonly consumer: Consumer
  private readonly partitions: AssignedPartitions
  private readonly watch: TopicWatch
  private memberId: string | undefined
  private isClosed = false
  /** kafkajs has begun to join again. */
  private isRejoining = false
  private movedAtMs = performance.now()
  /** When the coordinator last took us for a member. */
  private memberAtMs = performance.now()
  private isLooking = false
  private looks: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private end: (error: unknown) => void = () => undefined
  private readonly ended = new Promise<unknown>((resolve) => {
    this.end = resolve
  })

  constructor(private readonly options: SessionOptions) {
    const { client, consumer, past, budget, firstStarts, translate, onProblem, onExcluded, refreshMs } =
      options
    const askForMetadata = tolerateBrokenTopics(client, (answer) => this.partitions.onAnswer(answer))
    this.admin = client.kafka.admin()
    const byPattern = consumer.topics.some((topic) => typeof topic !== 'string')
    const offsets = new OffsetLookup(this.admin, consumer.groupId, firstStarts, byPattern)
    this.watch = new TopicWatch({
      admin: this.admin,
      offsets,
      consumer,
      refreshMs,
      firstStarts,
      onProblem,
      onExcluded,
      onLeaderFound: askForMetadata,
    })
    this.consumer = client.kafka.consumer({
      groupId: consumer.groupId,
      sessionTimeout: consumer.sessionTimeoutMs,
      rebalanceTimeout: Math.max(consumer.sessionTimeoutMs, REBALANCE_TIMEOUT_MS),
      partitionAssigners: groupAssigners(consumer.assigner, {
        owned: () => this.partitions.ownedPartitions,
        partitionsOf: (topics) => this.watch.partitionsOf(topics),
      }),
      heartbeatInterval: Math.floor(consumer.sessionTimeoutMs / 4),
      maxBytesPerPartition: consumer.maxBytesPerPartition,
      maxBytes: Math.max(MAX_BYTES_PER_FETCH, consumer.maxBytesPerPartition),
      maxWaitTimeInMs: consumer.maxWaitMs,
      metadataMaxAge: refreshMs,
      allowAutoTopicCreation: false,
      retry: RETRY,
    })
    this.partitions = new AssignedPartitions({
      consumer,
      past,
      budget,
      translate,
      onProblem,
      offsets,
      control: {
        seek: ({ topic, partition }, offset) =>
          whileMember(() => this.consumer.seek({ topic, partition, offset: String(offset) })),
        pause: ({ topic, partition }) =>
          whileMember(() => this.consumer.pause([{ topic, partitions: [partition] }])),
        resume: ({ topic, partition }) =>
          whileMember(() => this.consumer.resume([{ topic, partitions: [partition] }])),
        commit: (offsets) =>
          this.consumer.commitOffsets(offsets.map((it) => ({ ...it, offset: String(it.offset) }))),
      },
    })
  }

  /** True once the group has taken us in. */
  get hasJoined(): boolean {
    return this.memberId !== undefined
  }

  /** Resolves when the topics have changed and a new session is wanted; rejects when the session has failed. */
  async run(): Promise<void> {
    await this.admin.connect()
    const topics = await this.watch.choose()
    this.listen()
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [...topics], fromBeginning: true })
    if (this.isClosed) return
    this.running = this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        this.onFetched(payload)
        await this.partitions.demand(MAX_DEMAND_WAIT_MS)
      },
    })
    this.running.catch((error: unknown) => this.end(error))
    const intervalMs = Math.min(this.options.refreshMs, MAX_LOOK_INTERVAL_MS)
    this.looks = setInterval(() => void this.lookAround(), intervalMs)
    const error = await this.ended
    if (error !== undefined) throw error as Error
  }

  /** Commits, if the partition is ours and the offset is new. */
  commit(partition: TopicPartition, nextOffset: number): Promise<void> {
    return this.partitions.commit(partition, nextOffset)
  }

  /** See `KafkaConsumer`. */
  release(
    partition: TopicPartition,
    offset: number,
    prepare: (range: OffsetRange) => Promise<void>,
  ): Promise<void> {
    return this.partitions.release(partition, offset, prepare)
  }

  /** Leaves the group and disconnects; what takes longer than a few seconds is cut. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    clearInterval(this.looks)
    this.end(undefined)
    await settlesWithin(this.partitions.close(), 2_000)
    await settlesWithin(this.consumer.stop(), 2_000)
    const disconnect = (): Promise<unknown> => this.consumer.disconnect().catch(() => undefined)
    // A join that is under way would bring the consumer back to life after the disconnection.
    void this.running?.then(disconnect, disconnect)
    await settlesWithin(Promise.all([disconnect(), this.admin.disconnect()]), 1_000)
    this.options.client.cut()
  }

  private listen(): void {
    const { consumer } = this
    const { events } = consumer
    const moved = (): void => {
      this.movedAtMs = performance.now()
    }
    const isMember = (): void => {
      moved()
      this.memberAtMs = this.movedAtMs
    }
    const expelledAfterMs = EXPELLED_AFTER_SESSIONS * this.options.consumer.sessionTimeoutMs
    consumer.on(events.FETCH_START, () => {
      moved()
      if (this.isRejoining || this.movedAtMs - this.memberAtMs > expelledAfterMs) this.end(notJoined())
    })
    consumer.on(events.HEARTBEAT, isMember)
    consumer.on(events.CRASH, ({ payload }) => this.end(payload.error))
    consumer.on(events.REBALANCING, () => {
      moved()
      this.isRejoining = true
      this.partitions.hold()
    })
    let unsubscribed: readonly string[] = []
    consumer.on(events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload }) => {
      unsubscribed = payload.topicsNotSubscribed
    })
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      isMember()
      const { groupId } = this.options.consumer
      const problem = unsubscribed.length === 0 ? undefined : notSubscribed(groupId, unsubscribed)
      this.options.onProblem('unsubscribed', problem)
      unsubscribed = []
      this.isRejoining = false
      this.onJoined(payload)
    })
    consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.onEmptyRange(payload)
    })
  }

  private onJoined(joined: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    if (this.isClosed) return
    const wasExpelled = this.memberId !== undefined && joined.memberId !== this.memberId
    this.memberId = joined.memberId
    this.options.onProblem('connection', undefined)
    const assigned = Object.entries(joined.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    this.partitions.assign(assigned, wasExpelled)
  }

  private onFetched(payload: EachBatchPayload): void {
    const { batch } = payload
    const range = fetchedRange(batch)
    const goOn = this.partitions.accept(batch, range)
    const last = range.records.at(-1)
    if (goOn && last !== undefined) payload.resolveOffset(String(last.offset))
  }

  /** kafkajs itself passes over a range in which every record is filtered out. */
  private onEmptyRange(
    range: TopicPartition & { readonly firstOffset: string | null; readonly lastOffset: string },
  ): void {
    const first = range.firstOffset === null ? undefined : Number(range.firstOffset)
    this.partitions.skip(range, first, Number(range.lastOffset) + 1)
  }

  private async lookAround(): Promise<void> {
    const stuckAfterMs = 3 * this.options.consumer.sessionTimeoutMs + STUCK_AFTER_MS
    if (performance.now() - this.movedAtMs > stuckAfterMs) return this.end(stuck(stuckAfterMs))
    if (this.isLooking) return
    this.isLooking = true
    try {
      if (await this.watch.look()) this.end(undefined)
    } catch {
      // The consumer meets the same outage, and says so.
    }
    this.isLooking = false
  }
}

/** kafkajs throws when it has crashed and left the group; we hear of the crash a moment later, and end as well. */
function whileMember(control: () => void): void {
  try {
    control()
  } catch (error) {
    if ((error as Error).name !== 'KafkaJSNonRetriableError') throw error
  }
}

function fetchedRange(batch: Batch): FetchedRange {
  const fetchedOffset = Number((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset)
  const highWatermark = Number(batch.highWatermark)
  const broken = batch.messages.findIndex((message) => unreadableReason(message) !== undefined)
  const sound = broken < 0 ? batch.messages : batch.messages.slice(0, broken)
  const records = sound.map(({ offset, key, value, headers, timestamp }): ConsumedRecord => ({
    offset: Number(offset),
    key,
    value,
    headers: headers ?? {},
    timestamp: Number(timestamp),
  }))
  if (broken < 0) {
    const nextOffset = Number(batch.lastOffset()) + 1
    return {
      fetchedOffset,
      nextOffset,
      highWatermark,
      records,
      gaps: gapsOf(batch, fetchedOffset, nextOffset),
    }
  }
  const last = records.at(-1)
  const nextOffset = last === undefined ? fetchedOffset : last.offset + 1
  const unreadable = unreadableReason(batch.messages[broken] as object)
  return { fetchedOffset, nextOffset, highWatermark, records, unreadable }
}

/** With what kafkajs leaves out: control records, and records of transactions that were aborted. */
function gapsOf(batch: Batch, fetchedOffset: number, nextOffset: number): readonly OffsetGap[] {
  const { messagesWithinOffset: all } = batch as Batch & {
    readonly messagesWithinOffset: readonly { readonly offset: string }[]
  }
  if (all.length === nextOffset - fetchedOffset) return NO_GAPS
  return gapsIn(
    fetchedOffset,
    all.map(({ offset }) => Number(offset)),
  )
}

function stuck(afterMs: number): PipelineError {
  return new PipelineError(
    'KAFKA_CONSUMER_STUCK',
    `The Kafka client did nothing for ${Math.round(afterMs / 1000)} s; it is started anew`,
    { retryable: true, statusText: 'Kafka: client was stuck' },
  )
}

function notJoined(): PipelineError {
  return new PipelineError(
    'KAFKA_NOT_JOINED',
    'The consumer group did not take us in again, or did not say which partitions are ours; the Kafka client is started anew',
    { retryable: true, statusText: 'Kafka: did not join again' },
  )
}
