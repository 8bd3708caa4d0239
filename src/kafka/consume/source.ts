/**
 * From Kafka into the flow and back: a batch becomes one message (or one message a record), and its end is
 * committed when the flow has stored it.
 *
 * One batch of a partition is in the flow at a time, and its parts go out in order: a sink's ledger takes a gap
 * for what the flow has filtered, so a later part must never overtake an earlier one.
 *
 * A long file, because it is the one place where the driver, the flow, the positions and the node meet; what each of
 * them does is in a file of its own.
 */
import type { Account } from '../../delivery/account'
import { FlowCheck } from '../../delivery/flow/flow-check'
import { MESSAGES, Redelivery } from '../../delivery/redelivery'
import { HEADER } from '../../record/header-names'
import { attemptsIn } from '../../record/replayed'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../time/deadline'
import type { Distribution } from '../../watch/distribution'
import type { PipelineError } from '../../wire/errors'
import type { Message } from '../../wire/message'
import { sizeOfGaps } from '../../wire/offset-gaps'
import type { KafkaCluster } from '../cluster'
import type {
  ConsumedBatch,
  ConsumedRecord,
  KafkaConsumer,
  StartAt,
  StillStopped,
  TopicPartition,
} from '../driver'
import { partitionKey } from '../topic-partition'
import { notStopped } from '../group/partition-errors'
import { StoppedPartitions, type StoppedPartition } from '../group/stopped-partitions'
import { createTopics } from '../topics/create-topics'
import { compactionWarnings } from '../topics/topic-check'
import { TopicChecks } from '../topics/topic-checks'
import { BatchRuns, type Emitted } from './batch-runs'
import { batchMessage, halves, RANGE_FIELDS, recordMessage, withoutStored } from './consumed-message'
import { SourcePositions } from './source-positions'
import { GroupNotes } from './group-notes'
import { closingSource, whileClosing } from './hand-over'
import { LastRecord } from './last-record'
import { Lag } from './lag'
import { LagWatch } from './lag-watch'
import type { KafkaSourceHost, KafkaSourceSettings } from './source-settings'

/** Of the time that Node-RED gives a node to close, this much is left for leaving the group. */
const LEAVE_BUDGET_MS = 5_500
/** Of an idle consumer: what a rebalance, a commit and a close may have to wait for. */
const MAX_WAIT_MS = 500
/**
 * Kafka's offsets follow by this when the ledger says what was read. Without a ledger a crash repeats what was not
 * committed, so they follow each round of gathering.
 */
const COMMIT_EVERY_MS = 1_000

/** A batch that the flow has not settled for this long is held up by something. */
const STALLED_MS = 5_000

export type KafkaSourceState = 'connecting' | 'unwired' | 'joined' | { readonly problem: PipelineError }

export class KafkaSource {
  readonly lastRecord: LastRecord
  private readonly redelivery: Redelivery<Emitted>
  private readonly runs: BatchRuns
  private readonly stoppedPartitions = new StoppedPartitions(() =>
    JSON.stringify([this.positions.clusterId, this.settings.group]),
  )
  private readonly flowCheck: FlowCheck
  private readonly topicChecks: TopicChecks
  private readonly releaseTracking: () => void
  private readonly stopping = new AbortController()
  private readonly positions: SourcePositions
  private readonly notes: GroupNotes
  private readonly lagOf = new Lag()
  private readonly lagWatch: LagWatch
  private consumer: KafkaConsumer | undefined
  private beginningAgain: Promise<void> | undefined
  private hasJoined = false
  private connectionProblem: PipelineError | undefined
  private impairment: PipelineError | undefined
  private topicProblem: PipelineError | undefined
  private receivedCount = 0
  private isPaused = false

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly settings: KafkaSourceSettings,
    private readonly host: KafkaSourceHost,
  ) {
    const { tracking } = host
    this.lastRecord = new LastRecord(settings.topicNames)
    this.redelivery = new Redelivery<Emitted>({
      tracker: tracking.tracker,
      gateOpen: () => tracking.gateOpen && !this.isPaused,
      sourceId: settings.nodeId,
      deliveryTimeoutMs: settings.deliveryTimeoutMs,
      maxAttempts: settings.attempts,
      send: (output, message) => host.send(output, message),
      isWired: (output) => host.isWired(output),
      compose: (part, error) => this.compose(part, error),
      sizeOf: ({ records }) => records.length,
      split: halves,
      partsInOrder: true,
      without: withoutStored,
      isWanted: ({ run }) => !run.isRevoked,
      onSettled: (part) => this.runs.settled(part),
      whenFiltered: settings.whenFiltered,
      onFiltered: ({ records }) => host.onFiltered(records.length),
      onDropped: (part) => this.runs.dropped(part),
    })
    this.runs = new BatchRuns({
      mode: settings.mode,
      windowRecords: settings.windowRecords,
      emit: (part) => {
        this.lastRecord.note(part)
        this.receivedCount += part.records.length
        this.redelivery.emit(part)
      },
      dropRevoked: () => this.redelivery.dropUnwanted(),
      commit: (batch, nextOffset, assignment) => this.settle(batch, nextOffset, assignment),
      isStopping: () => this.stopping.signal.aborted,
    })
    this.flowCheck = new FlowCheck(
      settings.nodeId,
      () => tracking.flowConfigs(),
      (problem) => host.log.error(problem),
      settings.mode === 'batch' ? { kafka: RANGE_FIELDS } : undefined,
    )
    this.topicChecks = new TopicChecks({
      admin: () => cluster.admin,
      log: host.log,
      warnings: compactionWarnings,
    })
    this.lagWatch = new LagWatch({
      ask: (partition) => cluster.admin.offsets(partition),
      onEnd: (partition, latest) => this.lagOf.noteEnd(partition, latest),
    })
    this.notes = new GroupNotes(host.log, settings.group)
    this.positions = new SourcePositions({
      group: settings.group,
      start: settings.start,
      store: host.positions,
      askClusterId: () => cluster.admin.clusterId(),
      onRewound: (problem) => this.beginAgain(problem),
    })
    this.releaseTracking = tracking.acquire(() => this.onGateOpen())
  }

  get state(): KafkaSourceState {
    const problem = this.stoppedPartitions.problem ?? this.away
    if (problem !== undefined) return { problem }
    if (this.consumer === undefined) return this.host.isWired(MESSAGES) ? 'connecting' : 'unwired'
    return this.hasJoined ? 'joined' : 'connecting'
  }

  /** Records that were handed to the flow since the start. */
  get received(): number {
    return this.receivedCount
  }

  /** What has become of them. */
  get account(): Account {
    return this.redelivery.account
  }

  /** How long the oldest batch has been in the flow. */
  get oldestMs(): number {
    return this.runs.oldestMs
  }

  /** Seconds in which the flow has settled a batch of one partition. */
  get durations(): Distribution {
    return this.runs.durations
  }

  /** Partitions that have stopped. */
  get stoppedCount(): number {
    return this.stoppedPartitions.size
  }

  /** Messages in the flow. */
  get out(): number {
    return this.redelivery.size
  }

  get heldCount(): number {
    return this.redelivery.heldCount
  }

  get problem(): PipelineError | undefined {
    return this.failing ?? this.impairment ?? this.flowCheck.problem
  }

  /** What keeps it from reading some of its topics and partitions. */
  get impaired(): PipelineError | undefined {
    return this.impairment
  }

  /** The error of what is waiting to be sent again, or held. */
  get failing(): PipelineError | undefined {
    return this.redelivery.problem
  }

  /** What keeps it from reading anything. */
  get away(): PipelineError | undefined {
    return this.topicProblem ?? this.connectionProblem
  }

  /** It belongs to the group, or did when it was last heard of. */
  get joined(): boolean {
    return this.hasJoined
  }

  /** The operator has paused it. */
  get paused(): boolean {
    return this.isPaused
  }

  /** Records in Kafka after the ones that were handed to the flow, and those in partitions that no member reads. */
  get lag(): number {
    return this.lagOf.total
  }

  /** Age of the last record that was handed to the flow, of the partition that is furthest behind. */
  get lagMs(): number {
    return this.lagOf.ageMs(Date.now())
  }

  /** Looks after the lag of partitions that the flow holds up. Call it about once a second. */
  look(nowMs: number): void {
    this.lagWatch.look(nowMs, this.runs.stalled(STALLED_MS))
  }

  /** Joins the group as soon as the flows have started (the sinks must be known by then) and the output is wired. */
  start(): void {
    const { tracking } = this.host
    if (this.consumer !== undefined || this.stopping.signal.aborted) return
    if (this.beginningAgain !== undefined) return
    if (!tracking.gateOpen || !this.host.isWired(MESSAGES)) return
    const { settings } = this
    const { lingerMs } = settings
    const before = closingSource(settings.nodeId)
    if (before !== undefined) {
      void before.then(() => this.start())
      return
    }
    this.consumer = this.cluster.driver.consumer({
      groupId: settings.group,
      topics: settings.topics,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      assigner: settings.assigner,
      maxBytesPerPartition: settings.maxBatchBytes,
      maxWaitMs: MAX_WAIT_MS,
      lingerMs,
      commitEveryMs:
        this.host.positions === undefined ? Math.min(lingerMs, COMMIT_EVERY_MS) : COMMIT_EVERY_MS,
      maxBatchRecords: settings.maxBatchRecords,
      maxBatchBytes: settings.maxBatchBytes,
      startOffset: (partition, committed) => this.startOffset(partition, committed),
      onBegin: (partition, offset) => this.positions.begin(partition, offset),
      onBatch: (batch) => this.onBatch(batch),
      onAssigned: (partitions) => {
        this.hasJoined = true
        this.notes.noteAssigned(partitions)
        for (const { topic } of partitions) void this.topicChecks.check(topic)
      },
      onRevoked: (partitions) => this.onRevoked(partitions),
      onState: (problem) => {
        this.connectionProblem = problem
      },
      onImpaired: (problem) => {
        this.impairment = problem
      },
      onUnread: (partitions) => {
        this.lagOf.unread = partitions.reduce((sum, { lag }) => sum + lag, 0)
      },
      onStopped: (partition, stop) => {
        this.stoppedPartitions.add(partition, stop)
        this.host.log.error(stop.problem)
      },
      onExcluded: (topics) => this.notes.noteExcluded(topics),
    })
    const { consumer } = this
    void this.createMissing().then(() => {
      if (!this.stopping.signal.aborted) consumer.start()
    })
  }

  /**
   * Sends nothing into the flow until `resume`; it stays in its group, and keeps one batch of each partition ready. What is
   * in the flow is settled.
   */
  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.redelivery.gateOpened()
  }

  /** Partitions that have stopped. @throws PipelineError while Kafka cannot be asked */
  stopped(): Promise<StoppedPartition[]> {
    return this.stoppedPartitions.list((partition) => this.cluster.admin.offsets(partition))
  }

  /**
   * Lets a stopped partition resume at this offset, in the ledger, the group and here.
   * @throws PipelineError `KAFKA_NOT_STOPPED`, `KAFKA_NO_SUCH_OFFSET`, or why the ledger or Kafka cannot be asked
   */
  async release(partition: TopicPartition, offset: number): Promise<void> {
    const { consumer, positions } = this
    const { clusterId } = positions
    if (consumer === undefined || clusterId === undefined) throw notStopped(partition)
    await consumer.release(partition, offset, async ({ latest }) => {
      await positions.forgetSettled(partition)
      const end = this.stoppedPartitions.smallestEnd(partition, latest)
      await positions.move(clusterId, partition, offset, end)
    })
    this.stoppedPartitions.release(partition)
    this.notes.noteReleased(partition, offset)
  }

  /** Waits for what sinks hold, commits it, and leaves the group, so that the next owner begins at once. */
  async close(): Promise<void> {
    this.stopping.abort()
    await whileClosing(this.settings.nodeId, this.handOver())
  }

  private async handOver(): Promise<void> {
    this.positions.stopWatching()
    await this.beginningAgain
    await this.redelivery.close(CLOSE_BUDGET_MS - LEAVE_BUDGET_MS)
    this.releaseTracking()
    const settled = this.positions.close()
    await settlesWithin(Promise.all([settled, this.consumer?.close()]), LEAVE_BUDGET_MS)
  }

  /**
   * The positions have gone back before what this consumer has read: it drops what is in the flow, leaves the group,
   * and joins it again, which asks for the positions again.
   */
  private beginAgain(problem: PipelineError): void {
    const { consumer } = this
    if (consumer === undefined || this.beginningAgain !== undefined || this.stopping.signal.aborted) return
    this.host.log.error(problem)
    this.consumer = undefined
    this.hasJoined = false
    this.impairment = undefined
    this.positions.forgetAllSettled()
    this.runs.revoke()
    this.beginningAgain = consumer.close().then(() => {
      this.beginningAgain = undefined
      this.start()
    })
  }

  // ---- from Kafka --------------------------------------------------------------------------------------------

  private async startOffset(
    partition: TopicPartition,
    committed: number | undefined,
  ): Promise<StartAt | StillStopped> {
    const start = await this.positions.startOffset(partition, committed)
    const stop = this.stoppedPartitions.recall(partition, start)
    return stop === undefined ? start : { stop }
  }

  /** Resolves when the flow is done with the batch; never after the consumer was stopped: Kafka delivers it again. */
  private onBatch(batch: ConsumedBatch): Promise<void> {
    if (this.stopping.signal.aborted || this.consumer === undefined) return new Promise(() => undefined)
    this.lagOf.note(batch)
    const assignment = this.positions.assignmentOf(batch)
    if (batch.gaps.length > 0) this.host.onGaps(batch.topic, sizeOfGaps(batch.gaps))
    const records = this.withoutSpent(batch)
    if (records.length === 0 && batch.records.length > 0) {
      this.settle(batch, batch.nextOffset, assignment)
      return Promise.resolve()
    }
    return this.runs.pass({ ...batch, records }, assignment)
  }

  /** The flow is done with everything of the partition before this offset. */
  private settle(batch: ConsumedBatch, nextOffset: number, assignment: number | undefined): void {
    void this.consumer?.commit(batch, nextOffset)
    this.positions.settle(batch, nextOffset, assignment)
  }

  /**
   * Leaves dead letters in their topic that have used up their attempts: what fails again after a consumer of that
   * topic comes back to it, and would go round indefinitely.
   */
  private withoutSpent({ records }: ConsumedBatch): readonly ConsumedRecord[] {
    const { maxDeadLetterAttempts } = this.settings
    const isDue = (record: ConsumedRecord): boolean =>
      !record.hasHeader(HEADER.deadLetterId) || attemptsIn(record.headers) < maxDeadLetterAttempts
    if (records.every(isDue)) return records
    const due = records.filter(isDue)
    this.host.onSpent(records.length - due.length)
    return due
  }

  /** What is in the flow is not sent again; what sinks still finish is left to the driver's commit rules. */
  private onRevoked(partitions: readonly TopicPartition[]): void {
    this.notes.noteRevoked(partitions)
    const keys = new Set(partitions.map(partitionKey))
    for (const partition of partitions) {
      this.lagOf.forget(partition)
      this.stoppedPartitions.leave(partition)
    }
    void this.positions.flush()
    if (this.stopping.signal.aborted) return
    this.runs.revoke((batch) => keys.has(partitionKey(batch)))
  }

  // ---- into the flow -----------------------------------------------------------------------------------------

  private onGateOpen(): void {
    this.flowCheck.check()
    this.redelivery.gateOpened()
    this.start()
  }

  private compose(part: Emitted, error: PipelineError | undefined): Message {
    const { mode, group, topicNames } = this.settings
    const { batch: partition, assignment } = part.run
    const { gaps } = partition
    const origin = {
      clusterId: this.positions.clusterId ?? '',
      group,
      partition,
      assignment,
      gaps,
      topicNames,
    }
    const message = mode === 'batch' ? batchMessage(part, origin) : recordMessage(part, origin)
    if (error !== undefined) message.error = this.host.describe(error)
    return message
  }

  // ---- topics ------------------------------------------------------------------------------------------------

  /** Resolves when the topics are there that the node should create. */
  private async createMissing(): Promise<void> {
    const { createTopics: plan, topics } = this.settings
    if (plan === undefined) return
    const names = topics.filter((topic) => typeof topic === 'string')
    await createTopics(this.cluster, names, plan, this.stopping.signal, (problem) => {
      this.topicProblem = problem
    })
  }
}
