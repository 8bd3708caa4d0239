/**
 * One membership of a consumer group with kafkajs 2.2.4: from the connection to the end of it. When anything goes
 * wrong that kafkajs does not mend, the session ends, and `KafkaJsConsumer` begins another.
 *
 * Non-obvious, each of these has lost or repeated records, or a membership:
 *  - A member that does not send heart-beats is expelled, and kafkajs sends them only between fetches. So
 *    `eachBatch` never waits for the flow: it takes over what was fetched, pauses the partition when enough is
 *    waiting, and returns. A sink may hold a batch for hours.
 *  - After each join kafkajs fetches from the committed offset. The listener of GROUP_JOIN runs before the first
 *    fetch, so it pauses the new partitions, and seeks the ones that stay to where they are.
 *  - A `seek` takes effect with a later fetch, and an offset out of range makes kafkajs commit and fetch from its
 *    default offset, without a word. So the offset that was asked for (`batch.fetchedOffset`, not in the public
 *    types) is compared with the reader's position, every time.
 *  - Kafka accepts an offset commit of any member for any partition. Whether we own it has to be known here.
 *  - A member id that has changed means that we were expelled: others may have read our partitions meanwhile.
 */
import type { Admin, Batch, Consumer, ConsumerGroupJoinEvent, EachBatchPayload, Kafka } from 'kafkajs'
import { backoffMs } from '../runtime/backoff'
import { settlesWithin } from '../runtime/deadline'
import { PipelineError } from '../runtime/errors'
import { CommitQueue, partitionKey } from './commit-queue'
import type { ConsumedRecord, ConsumerOptions, TopicPartition } from './driver'
import { OffsetLookup } from './kafkajs-offsets'
import { PartitionReader, type FetchedRange } from './partition-reader'
import { outOfRange } from './start-position'
import { selectTopics } from './topic-selection'

/** What is fetched and waits, of all partitions together. Above it nothing more is fetched. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** One answer of a broker, all partitions together; a large answer costs four times its size while it is decoded. */
const MAX_BYTES_PER_FETCH = 4 * 1024 * 1024
const START_BACKOFF = { initialMs: 200, maxMs: 5_000 }
/** A client that has done nothing at all for three session time-outs and one request time-out is stuck. */
const STUCK_AFTER_SESSIONS = 3
const REQUEST_TIMEOUT_MS = 30_000

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
}

export interface SessionOptions {
  readonly client: Kafka
  readonly consumer: ConsumerOptions
  /** Outlives the session: what former owners of the partitions have left, by partition key. */
  readonly past: Map<string, OwnedPartition>
  readonly translate: (error: unknown) => PipelineError
  /** How often new topics and partitions are looked for. */
  readonly refreshMs: number
  /** A part (`connection`, `topics`, a partition) has a problem, or has it no more. */
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
}

export class KafkaJsSession {
  private readonly admin: Admin
  private readonly consumer: Consumer
  private readonly lookup: OffsetLookup
  private readonly commits: CommitQueue
  private readonly owned = new Map<string, OwnedPartition>()
  private topics: readonly string[] = []
  private memberId: string | undefined
  private isRejoining = false
  private isClosed = false
  private movedAtMs = performance.now()
  private watch: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private end: (error: unknown) => void = () => undefined
  private readonly ended = new Promise<unknown>((resolve) => {
    this.end = resolve
  })

  constructor(private readonly options: SessionOptions) {
    const { client, consumer } = options
    this.admin = client.admin()
    this.lookup = new OffsetLookup(this.admin, consumer.groupId)
    this.consumer = client.consumer({
      groupId: consumer.groupId,
      sessionTimeout: consumer.sessionTimeoutMs,
      rebalanceTimeout: Math.max(consumer.sessionTimeoutMs, 15_000),
      heartbeatInterval: Math.floor(consumer.sessionTimeoutMs / 4),
      maxBytesPerPartition: consumer.maxBytesPerPartition,
      maxBytes: Math.max(MAX_BYTES_PER_FETCH, consumer.maxBytesPerPartition),
      maxWaitTimeInMs: consumer.maxWaitMs,
      metadataMaxAge: options.refreshMs,
      allowAutoTopicCreation: false,
      // A crash ends the session; the next one begins with fresh connections and a fresh member.
      retry: {
        retries: 4,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    })
    this.commits = new CommitQueue(
      (offsets) => this.sendCommits(offsets),
      (error) => {
        if (!this.isClosed) options.onProblem('commit', options.translate(error))
      },
    )
  }

  /** True once the group has taken us in. */
  get hasJoined(): boolean {
    return this.memberId !== undefined
  }

  /** Resolves when the topics have changed and a new session is wanted; rejects when the session has failed. */
  async run(): Promise<void> {
    await this.admin.connect()
    await this.chooseTopics()
    this.listen()
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [...this.topics], fromBeginning: true })
    this.running = this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => {
        this.onFetched(payload)
        return Promise.resolve()
      },
    })
    this.running.catch((error: unknown) => this.end(error))
    this.watch = setInterval(() => void this.lookAround(), Math.min(this.options.refreshMs, 5_000))
    const error = await this.ended
    if (error !== undefined) throw error as Error
  }

  /** Commits, if the partition is ours; remembers it for the next start otherwise. */
  async commit({ topic, partition }: TopicPartition, nextOffset: number): Promise<void> {
    const own = this.owned.get(partitionKey(topic, partition))
    if (own === undefined || !isNewlyDone(own, nextOffset)) return
    own.doneTo = nextOffset
    if (nextOffset > (own.committed ?? -1)) await this.commits.add({ topic, partition }, nextOffset)
  }

  /** Leaves the group and disconnects; at most about 7 s, then the connections are left to die. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    clearInterval(this.watch)
    this.end(undefined)
    this.revoke([...this.owned.values()])
    await settlesWithin(this.commits.idle(), 2_000)
    await settlesWithin(this.consumer.stop(), 3_000)
    const disconnect = (): Promise<unknown> => this.consumer.disconnect().catch(() => undefined)
    // A join that is under way would bring the consumer back to life after the disconnection.
    void this.running?.then(disconnect, disconnect)
    await settlesWithin(Promise.all([disconnect(), this.admin.disconnect()]), 2_000)
  }

  // ---- group -------------------------------------------------------------------------------------------------

  private listen(): void {
    const { consumer } = this
    const { events } = consumer
    const moved = (): void => {
      this.movedAtMs = performance.now()
    }
    consumer.on(events.FETCH_START, moved)
    consumer.on(events.HEARTBEAT, moved)
    consumer.on(events.CRASH, ({ payload }) => this.end(payload.error))
    consumer.on(events.REBALANCING, () => {
      moved()
      this.isRejoining = true
    })
    consumer.on(events.GROUP_JOIN, (event) => {
      moved()
      this.onJoined(event)
    })
    consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.onEmptyRange(payload)
    })
  }

  private onJoined({ payload }: ConsumerGroupJoinEvent): void {
    if (this.isClosed) return
    const wasExpelled = payload.memberId !== this.memberId
    this.memberId = payload.memberId
    this.isRejoining = false
    const assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    const keys = new Set(assigned.map((it) => partitionKey(it.topic, it.partition)))
    this.revoke([...this.owned].filter(([key]) => wasExpelled || !keys.has(key)).map(([, own]) => own))
    for (const own of this.owned.values()) this.seek(own.reader)
    const fresh = assigned.filter((it) => !this.owned.has(partitionKey(it.topic, it.partition)))
    const begun = fresh.map((partition) => this.own(partition))
    this.options.onProblem('connection', undefined)
    this.options.consumer.onAssigned(fresh)
    for (const own of begun) void this.begin(own)
    this.pumpAll()
  }

  private own(partition: TopicPartition): OwnedPartition {
    const { maxBatchRecords, maxBatchBytes } = this.options.consumer
    const reader = new PartitionReader(partition, { maxRecords: maxBatchRecords, maxBytes: maxBatchBytes })
    const own: OwnedPartition = {
      reader,
      committed: undefined,
      doneTo: undefined,
      outstanding: undefined,
      isFetching: false,
    }
    this.owned.set(partitionKey(partition.topic, partition.partition), own)
    this.consumer.pause([{ topic: partition.topic, partitions: [partition.partition] }])
    return own
  }

  private revoke(lost: readonly OwnedPartition[]): void {
    for (const own of lost) {
      const { partition } = own.reader
      const key = partitionKey(partition.topic, partition.partition)
      own.reader.revoke()
      // When closing, what is done already is still committed.
      if (!this.isClosed) this.commits.drop(partition)
      this.owned.delete(key)
      this.options.past.set(key, own)
      this.options.onProblem(key, undefined)
    }
    if (lost.length > 0) this.options.consumer.onRevoked(lost.map((own) => own.reader.partition))
  }

  // ---- start of a partition ----------------------------------------------------------------------------------

  /** Finds the start offset, however long it takes, and begins to read. */
  private async begin(own: OwnedPartition): Promise<void> {
    const { reader } = own
    const { partition } = reader
    const key = partitionKey(partition.topic, partition.partition)
    const before = this.options.past.get(key)
    await before?.outstanding
    for (let attempt = 1; !reader.isRevoked; attempt++) {
      try {
        own.committed = await this.lookup.committed(partition)
        const committed = alsoDone(own.committed, before)
        const start = await this.options.consumer.startOffset(partition, committed)
        const range = await this.lookup.range(partition)
        const offset = await this.lookup.resolve(partition, start, range)
        if (!reader.isRevoked) this.startAt(own, offset, outOfRange(partition, offset, range))
        return
      } catch (error) {
        if (reader.isRevoked) return
        this.options.onProblem(key, this.options.translate(error))
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, START_BACKOFF)))
      }
    }
  }

  private startAt(own: OwnedPartition, offset: number, problem: PipelineError | undefined): void {
    const { reader } = own
    const { partition } = reader
    const key = partitionKey(partition.topic, partition.partition)
    this.options.past.delete(key)
    this.options.onProblem(key, undefined)
    if (problem !== undefined) return this.stop(own, problem)
    reader.start(offset)
    // "latest" and a time mean the first start: pinned, so that a crash before the first commit skips nothing.
    if (own.committed === undefined) void this.commits.add(partition, offset)
    this.seek(reader)
    this.balance()
  }

  private stop(own: OwnedPartition, problem: PipelineError): void {
    own.reader.stop()
    this.balance()
    this.options.consumer.onStopped(own.reader.partition, problem)
  }

  // ---- fetching ----------------------------------------------------------------------------------------------

  private onFetched(payload: EachBatchPayload): void {
    const { batch } = payload
    const own = this.owned.get(partitionKey(batch.topic, batch.partition))
    if (own === undefined) return
    switch (own.reader.accept(fetchedRange(batch))) {
      case 'taken':
        payload.resolveOffset((batch.messages.at(-1) as { offset: string }).offset)
        this.pump(own)
        break
      case 'behind':
        this.seek(own.reader)
        break
      case 'ahead':
        void this.examine(own)
        break
      case 'ignored':
        break
    }
    this.balance()
  }

  /** kafkajs itself passes over a range in which every record is filtered out. */
  private onEmptyRange(range: {
    topic: string
    partition: number
    firstOffset: string | null
    lastOffset: string
  }): void {
    const own = this.owned.get(partitionKey(range.topic, range.partition))
    if (own === undefined || !own.reader.isReading) return
    const first = range.firstOffset === null ? own.reader.position : Number(range.firstOffset)
    if (own.reader.skip(first, Number(range.lastOffset) + 1) === 'ahead') void this.examine(own)
  }

  /** kafkajs has jumped ahead. Goes back to the position if Kafka still has it, else stops the partition. */
  private async examine(own: OwnedPartition): Promise<void> {
    const { reader } = own
    const { partition } = reader
    if (own.isFetching) this.setFetching(own, false)
    try {
      const range = await this.lookup.range(partition)
      if (!reader.isReading) return
      // kafkajs has committed its default offset; a restart must not begin there.
      void this.commits.add(partition, own.doneTo ?? reader.settled)
      const problem = outOfRange(partition, reader.position, range)
      if (problem !== undefined) this.stop(own, problem)
      else this.seek(reader)
    } catch (error) {
      this.options.onProblem('connection', this.options.translate(error))
      this.seek(reader)
    }
    this.balance()
  }

  private seek(reader: PartitionReader): void {
    if (!reader.isReading || this.isClosed) return
    const { topic, partition } = reader.partition
    this.consumer.seek({ topic, partition, offset: String(reader.position) })
  }

  /** Pauses and resumes partitions by what is waiting. */
  private balance(): void {
    if (this.isClosed) return
    let waiting = 0
    for (const { reader } of this.owned.values()) waiting += reader.waitingBytes
    for (const own of this.owned.values()) {
      const wanted = own.reader.wantsMore && waiting < MAX_WAITING_BYTES
      if (wanted !== own.isFetching) this.setFetching(own, wanted)
    }
  }

  private setFetching(own: OwnedPartition, isFetching: boolean): void {
    const { topic, partition } = own.reader.partition
    own.isFetching = isFetching
    if (isFetching) this.consumer.resume([{ topic, partitions: [partition] }])
    else this.consumer.pause([{ topic, partitions: [partition] }])
  }

  // ---- handing out -------------------------------------------------------------------------------------------

  private pumpAll(): void {
    for (const own of this.owned.values()) this.pump(own)
    this.balance()
  }

  private pump(own: OwnedPartition): void {
    if (this.isClosed || this.isRejoining) return
    const batch = own.reader.take()
    if (batch === undefined) return
    own.outstanding = this.options.consumer.onBatch(batch).then(
      () => {
        own.outstanding = undefined
        own.reader.settle()
        this.pump(own)
        this.balance()
      },
      (error: unknown) => {
        own.outstanding = undefined
        if (!own.reader.isRevoked) this.stop(own, this.options.translate(error))
      },
    )
  }

  private async sendCommits(offsets: readonly (TopicPartition & { offset: number })[]): Promise<void> {
    await this.consumer.commitOffsets(offsets.map((it) => ({ ...it, offset: String(it.offset) })))
    for (const { topic, partition, offset } of offsets) {
      const own = this.owned.get(partitionKey(topic, partition))
      if (own !== undefined) own.committed = offset
    }
    this.options.onProblem('commit', undefined)
  }

  // ---- watching ----------------------------------------------------------------------------------------------

  /** @throws PipelineError when none of the topics exists */
  private async chooseTopics(): Promise<void> {
    const wanted = this.options.consumer.topics
    const { topics, missing } = selectTopics(wanted, await this.admin.listTopics())
    const problem = missing.length > 0 ? unknownTopics(missing) : undefined
    if (topics.length === 0) throw problem ?? noTopicMatches(wanted)
    this.topics = topics
    this.options.onProblem('topics', problem)
  }

  private async lookAround(): Promise<void> {
    const { sessionTimeoutMs, topics: wanted } = this.options.consumer
    const stuckAfterMs = STUCK_AFTER_SESSIONS * sessionTimeoutMs + REQUEST_TIMEOUT_MS
    if (performance.now() - this.movedAtMs > stuckAfterMs) return this.end(stuck(stuckAfterMs))
    try {
      const { topics } = selectTopics(wanted, await this.admin.listTopics())
      if (topics.join() !== this.topics.join()) this.end(undefined)
    } catch {
      // The consumer meets the same outage, and says so.
    }
  }
}

/** Where the group really is: what our own last membership finished, and could not commit any more, counts. */
function alsoDone(committed: number | undefined, before: OwnedPartition | undefined): number | undefined {
  if (before?.doneTo === undefined) return committed
  const isOurs = committed === before.committed || (committed ?? -1) > (before.committed ?? -1)
  return isOurs && (committed ?? -1) < before.doneTo ? before.doneTo : committed
}

/** A commit must be of something that was handed out, and must not go back. */
export function isNewlyDone({ reader, doneTo }: OwnedPartition, nextOffset: number): boolean {
  return nextOffset <= reader.handedOut && nextOffset > (doneTo ?? -1)
}

function fetchedRange(batch: Batch): FetchedRange {
  const { fetchedOffset } = batch as Batch & { readonly fetchedOffset: string }
  return {
    fetchedOffset: Number(fetchedOffset),
    nextOffset: Number(batch.lastOffset()) + 1,
    highWatermark: Number(batch.highWatermark),
    records: batch.messages.map(({ offset, key, value, headers, timestamp }): ConsumedRecord => ({
      offset: Number(offset),
      key,
      value,
      headers: headers ?? {},
      timestamp: Number(timestamp),
    })),
  }
}

function unknownTopics(missing: readonly string[]): PipelineError {
  const names = missing.map((name) => `"${name}"`).join(', ')
  return new PipelineError(
    'KAFKA_UNKNOWN_TOPIC',
    `Kafka has no topic ${names}. Create it, or correct the name; the consumer waits for it`,
    { retryable: true, statusText: `Kafka: no topic ${missing[0]}` },
  )
}

function noTopicMatches(wanted: readonly (string | RegExp)[]): PipelineError {
  return new PipelineError(
    'KAFKA_UNKNOWN_TOPIC',
    `No Kafka topic matches ${wanted.map(String).join(', ')} yet; the consumer waits for one`,
    { retryable: true, statusText: 'Kafka: no topic matches yet' },
  )
}

function stuck(afterMs: number): PipelineError {
  return new PipelineError(
    'KAFKA_CONSUMER_STUCK',
    `The Kafka client did nothing for ${Math.round(afterMs / 1000)} s; it is started anew`,
    { retryable: true, statusText: 'Kafka: client was stuck' },
  )
}
