/**
 * One membership of a consumer group with kafkajs 2.2.4: from the connection to the end of it. When anything goes wrong
 * that kafkajs does not recover from, the session ends, and `GroupConsumer` begins another.
 *
 * Non-obvious, each of these has lost or repeated records, or a membership:
 *  - A member that does not send heartbeats is expelled, and kafkajs sends them only between fetches. So `eachBatch` does
 *    not wait for the flow: it takes over what was fetched; the partition is paused when enough is waiting. Only when all
 *    of them are paused it waits a moment for the first that is not: kafkajs would sleep for as long as a fetch may take.
 *  - After each join kafkajs fetches from the committed offset. The listener of GROUP_JOIN runs before the first fetch, so
 *    that is where new partitions are paused, and the ones that stay are sought to where they are.
 *  - A `seek` takes effect with a later fetch, and an offset out of range makes kafkajs commit and fetch from its default
 *    offset without reporting it. So the offset that was asked for (`batch.fetchedOffset`) is compared with the reader's
 *    position, every time.
 *  - Kafka accepts an offset commit of any member for any partition. Whether we own it has to be known here.
 *  - A member id that has changed means that we were expelled.
 */
import type { Admin, Consumer, EachBatchPayload } from 'kafkajs'
import { settlesWithin } from '../../../time/deadline'
import type { TopicPartition } from '../../driver'
import type { GroupSession, SessionContext } from '../../group/group-consumer'
import { OffsetLookup } from '../../group/offset-lookup'
import { AssignedPartitions } from '../../group/partitions/assigned-partitions'
import type { FetchControl } from '../../group/partitions/fetching'
import { notSubscribed, TopicWatch } from '../../group/topic-watch'
import { groupAssigners } from './assigners'
import type { KafkaJsClient } from './client'
import { fetchedRange } from './fetch/fetched-range'
import { KafkaJsGroupAdmin } from './group-admin'
import { Liveness } from './liveness'
import { tolerateBrokenTopics } from './patches/metadata'

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
const MAX_CHECK_INTERVAL_MS = 5_000
/** No heartbeat is sent meanwhile; the shortest interval of them is three times as long. */
const MAX_DEMAND_WAIT_MS = 500

/** How long kafkajs sleeps when all partitions are paused. How long a fetch may wait, see `FetchPace`. */
const PAUSED_WAIT_MS = 100

export class KafkaJsSession implements GroupSession {
  readonly partitions: AssignedPartitions
  private readonly admin: Admin
  private readonly consumer: Consumer
  private readonly watch: TopicWatch
  private readonly liveness: Liveness
  private memberId: string | undefined
  private isClosed = false
  private isChecking = false
  private checks: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private end: (error: unknown) => void = () => undefined
  private readonly ended = new Promise<unknown>((resolve) => {
    this.end = resolve
  })

  constructor(
    private readonly client: KafkaJsClient,
    private readonly context: SessionContext,
  ) {
    const { consumer } = context
    const topics = tolerateBrokenTopics(client, {
      onAnswer: (answer) => this.partitions.onAnswer(answer),
      pace: () => this.partitions.pace,
    })
    this.admin = client.kafka.admin()
    this.liveness = new Liveness(consumer.sessionTimeoutMs)
    const admin = new KafkaJsGroupAdmin(this.admin, consumer.groupId)
    const byPattern = consumer.topics.some((topic) => typeof topic !== 'string')
    const offsets = new OffsetLookup(admin, context.firstStarts, byPattern)
    this.watch = new TopicWatch({ ...context, admin, offsets, onLeaderFound: () => topics.refresh() })
    this.consumer = this.createConsumer()
    this.partitions = new AssignedPartitions({ ...context, offsets, control: controlOf(this.consumer) })
  }

  get hasJoined(): boolean {
    return this.memberId !== undefined
  }

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
    const intervalMs = Math.min(this.context.refreshMs, MAX_CHECK_INTERVAL_MS)
    this.checks = setInterval(() => void this.check(), intervalMs)
    const error = await this.ended
    if (error !== undefined) throw error as Error
  }

  /** What takes longer than a few seconds is cut. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.isClosed = true
    clearInterval(this.checks)
    this.end(undefined)
    await settlesWithin(this.partitions.close(), 2_000)
    await settlesWithin(this.consumer.stop(), 2_000)
    const disconnect = (): Promise<unknown> => this.consumer.disconnect().catch(() => undefined)
    // A join that is under way would bring the consumer back to life after the disconnection.
    void this.running?.then(disconnect, disconnect)
    await settlesWithin(Promise.all([disconnect(), this.admin.disconnect()]), 1_000)
    this.client.cut()
  }

  private createConsumer(): Consumer {
    const { consumer, refreshMs } = this.context
    return this.client.kafka.consumer({
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
      maxWaitTimeInMs: PAUSED_WAIT_MS,
      metadataMaxAge: refreshMs,
      allowAutoTopicCreation: false,
      retry: RETRY,
    })
  }

  private listen(): void {
    const { consumer, context, liveness } = this
    const { events } = consumer
    consumer.on(events.FETCH_START, ({ payload }) => {
      this.partitions.pace.begin(String(payload.nodeId))
      const problem = liveness.onFetch()
      if (problem !== undefined) this.end(problem)
    })
    consumer.on(events.HEARTBEAT, () => liveness.onHeartbeat())
    consumer.on(events.CRASH, ({ payload }) => this.end(payload.error))
    consumer.on(events.REBALANCING, () => {
      liveness.onRejoining()
      this.partitions.beginRebalance()
    })
    let unsubscribed: readonly string[] = []
    consumer.on(events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload }) => {
      unsubscribed = payload.topicsNotSubscribed
    })
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      const { groupId } = context.consumer
      context.onProblem(
        'unsubscribed',
        unsubscribed.length === 0 ? undefined : notSubscribed(groupId, unsubscribed),
      )
      unsubscribed = []
      liveness.onJoined()
      this.onJoined(payload)
    })
  }

  private onJoined(joined: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    if (this.isClosed) return
    const wasExpelled = this.memberId !== undefined && joined.memberId !== this.memberId
    this.memberId = joined.memberId
    this.context.onProblem('connection', undefined)
    const assigned = Object.entries(joined.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition): TopicPartition => ({ topic, partition })),
    )
    this.partitions.assign(assigned, wasExpelled)
  }

  private onFetched(payload: EachBatchPayload): void {
    const { batch } = payload
    const range = fetchedRange(batch)
    if (this.partitions.accept(batch, range)) payload.resolveOffset(String(range.nextOffset - 1))
  }

  private async check(): Promise<void> {
    const stuck = this.liveness.check()
    if (stuck !== undefined) return this.end(stuck)
    if (this.isChecking) return
    this.isChecking = true
    try {
      if (await this.watch.refresh()) this.end(undefined)
    } catch {
      // The consumer meets the same outage, and says so.
    }
    this.isChecking = false
  }
}

function controlOf(consumer: Consumer): FetchControl {
  return {
    seek: ({ topic, partition }, offset) =>
      whileMember(() => consumer.seek({ topic, partition, offset: String(offset) })),
    pause: ({ topic, partition }) => whileMember(() => consumer.pause([{ topic, partitions: [partition] }])),
    resume: ({ topic, partition }) =>
      whileMember(() => consumer.resume([{ topic, partitions: [partition] }])),
    commit: (offsets) => consumer.commitOffsets(offsets.map((it) => ({ ...it, offset: String(it.offset) }))),
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
