/**
 * From Kafka into the flow and back: a batch becomes one message (or one message a record), and its end is
 * committed when the flow has stored it.
 *
 * One batch of a partition is in the flow at a time, and its parts go out in order: a sink's ledger takes a gap
 * for what the flow has filtered, so a later part must never overtake an earlier one.
 */
import type { FlowTracking } from '../../delivery/flow-tracking'
import type { Message } from '../../wire/message'
import { FlowCheck } from '../../delivery/flow-check'
import { MESSAGES, Redelivery, type WhenFiltered } from '../../delivery/redelivery'
import { backoffMs } from '../../time/backoff'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../time/deadline'
import { asPipelineError, type PipelineError } from '../../wire/errors'
import type { EventLog } from '../../log/event-log'
import { sizeOfGaps } from '../../wire/offset-gaps'
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import { HEADER } from '../../record/header-names'
import { attemptsIn } from '../../record/replayed'
import type { KafkaCluster } from '../cluster'
import { BatchRuns, type Emitted } from './batch-runs'
import { partitionKey } from '../topic-partition'
import { batchMessage, halves, recordMessage, withoutStored } from './consumed-message'
import type {
  Assigner,
  ConsumedBatch,
  ConsumedRecord,
  KafkaConsumer,
  StartAt,
  StillStopped,
  TopicPartition,
} from '../driver'
import { SettledPositions } from '../group/settled-positions'
import { notStopped } from '../group/partition-errors'
import type { PositionStore } from '../group/position-store'
import { startPosition } from '../group/start-position'
import { StoppedPartitions, type StoppedPartition } from '../group/stopped-partitions'
import { compactionWarnings } from '../topics/topic-check'
import { newTopic, type TopicPlan } from '../topics/topic-plan'
import { TopicChecks } from '../topics/topic-checks'
import type { TopicNames } from '../topics/topic-names'
import type { WantedTopic } from '../topic-selection'

/** Of the time that Node-RED gives a node to close, so much is left for leaving the group. */
const LEAVE_BUDGET_MS = 5_500
/** A partition that is busy while the others have nothing waits for up to this long, see `PartitionReader.wantsMore`. */
const MAX_WAIT_MS = 100
const CREATE_BACKOFF = { initialMs: 500, maxMs: 10_000 }

/** Of all consumers in this process: each partition that one of them is given has a number of its own. */
let assignments = 0

/** Sources that are closing, by node id: after a deploy the new one waits for the old one's hand-over. */
const closing = new Map<string, Promise<void>>()

export interface KafkaSourceSettings {
  readonly nodeId: string
  readonly group: string
  readonly topics: readonly WantedTopic[]
  readonly mode: 'batch' | 'record'
  readonly start: StartAt
  readonly maxBatchRecords: number
  readonly maxBatchBytes: number
  /** Records that may be in the flow at a time, when they go one by one. */
  readonly windowRecords: number
  readonly sessionTimeoutMs: number
  readonly assigner: Assigner
  readonly deliveryTimeoutMs: number
  /** 0: without end. */
  readonly attempts: number
  readonly whenFiltered: WhenFiltered
  /** Dead letters, of a topic that keeps them, that have failed so often are passed over. */
  readonly maxDeadLetterAttempts: number
  /** Names tenant and project of records that do not say them. */
  readonly topicNames: TopicNames | undefined
  /** How to create topics that are missing; `undefined`: wait for them. */
  readonly createTopics: TopicPlan | undefined
}

export interface KafkaSourceHost {
  readonly tracking: FlowTracking
  /** Where sinks keep their positions; `undefined`: only Kafka's committed offsets count. See `start-position.ts`. */
  readonly positions: PositionStore | undefined
  send(output: number, message: Message): void
  isWired(output: number): boolean
  /** `msg.error` of a message on the second output. */
  describe(error: PipelineError): unknown
  /** The flow has ended messages with so many records on purpose, and they were settled. */
  onFiltered(count: number): void
  /** Kafka has deleted this many records of the topic by compaction before they were read. */
  onGaps(topic: string, count: number): void
  /** Dead letters were passed over, because they have had their attempts. */
  onSpent(count: number): void
  readonly log: EventLog
}

export type KafkaSourceState = 'connecting' | 'unwired' | 'joined' | { readonly problem: PipelineError }

export class KafkaSource {
  private readonly redelivery: Redelivery<Emitted>
  private readonly runs: BatchRuns
  private readonly stoppedPartitions = new StoppedPartitions(() =>
    JSON.stringify([this.clusterId, this.settings.group]),
  )
  private readonly flowCheck: FlowCheck
  private readonly topicChecks: TopicChecks
  private readonly releaseTracking: () => void
  private readonly stopping = new AbortController()
  private readonly releasePositions: () => void
  private readonly settledPositions: SettledPositions
  private consumer: KafkaConsumer | undefined
  private beginningAgain: Promise<void> | undefined
  private clusterId: string | undefined
  private hasJoined = false
  private connectionProblem: PipelineError | undefined
  private impairment: PipelineError | undefined
  private unreadLag = 0
  private topicProblem: PipelineError | undefined
  private receivedCount = 0
  private lagByPartition = new Map<string, number>()
  /** The number of the assignment with which a partition is read now. */
  private readonly assignmentByPartition = new RecentMap<string, number>(MAX_PARTITIONS)

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly settings: KafkaSourceSettings,
    private readonly host: KafkaSourceHost,
  ) {
    const { tracking } = host
    this.redelivery = new Redelivery<Emitted>({
      tracker: tracking.tracker,
      gateOpen: () => tracking.gateOpen,
      sourceId: settings.nodeId,
      deliveryTimeoutMs: settings.deliveryTimeoutMs,
      maxAttempts: settings.attempts,
      send: (output, message) => host.send(output, message),
      isWired: (output) => host.isWired(output),
      compose: (part, error) => this.compose(part, error),
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
    )
    this.topicChecks = new TopicChecks({
      admin: () => cluster.admin,
      log: host.log,
      warnings: compactionWarnings,
    })
    this.settledPositions = new SettledPositions(async (settled) => {
      const { clusterId } = this
      if (clusterId !== undefined) await host.positions?.settle({ clusterId, group: settings.group }, settled)
    })
    this.releaseTracking = tracking.acquire(() => this.onGateOpen())
    this.releasePositions =
      host.positions?.onRewound(({ group, clusterId }, problem) => {
        if (group === settings.group && clusterId === this.clusterId) this.beginAgain(problem)
      }) ?? (() => undefined)
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

  /** Records in Kafka after the ones that were handed to the flow, and those in partitions that nobody reads. */
  get lag(): number {
    let lag = this.unreadLag
    for (const behind of this.lagByPartition.values()) lag += behind
    return lag
  }

  /** Joins the group as soon as the flows have started (the sinks must be known by then) and the output is wired. */
  start(): void {
    const { tracking } = this.host
    if (this.consumer !== undefined || this.stopping.signal.aborted) return
    if (this.beginningAgain !== undefined) return
    if (!tracking.gateOpen || !this.host.isWired(MESSAGES)) return
    const { settings } = this
    const before = closing.get(settings.nodeId)
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
      maxBatchRecords: settings.maxBatchRecords,
      maxBatchBytes: settings.maxBatchBytes,
      startOffset: (partition, committed) => this.startOffset(partition, committed),
      onBegin: async (partition, offset) => {
        const { clusterId } = this
        if (clusterId !== undefined)
          await this.host.positions?.begin({ clusterId, group: settings.group, ...partition }, offset)
      },
      onBatch: (batch) => this.onBatch(batch),
      onAssigned: (partitions) => {
        this.hasJoined = true
        this.noteChange('KAFKA_ASSIGNED', partitions)
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
        this.unreadLag = partitions.reduce((sum, { lag }) => sum + lag, 0)
      },
      onStopped: (partition, stop) => {
        this.stoppedPartitions.add(partition, stop)
        this.host.log.error(stop.problem)
      },
      onExcluded: (topics) => this.host.log.note('KAFKA_TOPIC_EXCLUDED', excludedText(topics)),
    })
    const { consumer } = this
    void this.createTopics().then(() => {
      if (!this.stopping.signal.aborted) consumer.start()
    })
  }

  /** Partitions that have stopped. @throws PipelineError while Kafka cannot be asked */
  stopped(): Promise<StoppedPartition[]> {
    return this.stoppedPartitions.list((partition) => this.cluster.admin.offsets(partition))
  }

  /**
   * Lets a stopped partition go on at this offset, in the ledger, the group and here.
   * @throws PipelineError `KAFKA_NOT_STOPPED`, `KAFKA_NO_SUCH_OFFSET`, or why the ledger or Kafka cannot be asked
   */
  async release(partition: TopicPartition, offset: number): Promise<void> {
    const { consumer, clusterId } = this
    if (consumer === undefined || clusterId === undefined) throw notStopped(partition)
    const { group } = this.settings
    await consumer.release(partition, offset, async ({ latest }) => {
      await this.forgetSettled(partition)
      const end = this.stoppedPartitions.smallestEnd(partition, latest)
      await this.host.positions?.release({ clusterId, group, ...partition }, offset, end)
    })
    this.stoppedPartitions.release(partition)
    const { topic, partition: number } = partition
    this.host.log.note(
      'KAFKA_RELEASED',
      `${topic} partition ${number} goes on at offset ${offset}, as somebody said`,
    )
  }

  /** Waits for what sinks hold, commits it, and leaves the group, so that the next owner begins at once. */
  async close(): Promise<void> {
    this.stopping.abort()
    const { nodeId } = this.settings
    const handOver = this.handOver()
    closing.set(nodeId, handOver)
    await handOver
    if (closing.get(nodeId) === handOver) closing.delete(nodeId)
  }

  private async handOver(): Promise<void> {
    this.releasePositions()
    await this.beginningAgain
    await this.redelivery.close(CLOSE_BUDGET_MS - LEAVE_BUDGET_MS)
    this.releaseTracking()
    const settled = this.settledPositions.close()
    await settlesWithin(Promise.all([settled, this.consumer?.close()]), LEAVE_BUDGET_MS)
  }

  /**
   * The positions have gone back behind what this consumer has read: it drops what is in the flow, leaves the group,
   * and joins it again, which asks for the positions anew.
   */
  private beginAgain(problem: PipelineError): void {
    const { consumer } = this
    if (consumer === undefined || this.beginningAgain !== undefined || this.stopping.signal.aborted) return
    this.host.log.error(problem)
    this.consumer = undefined
    this.hasJoined = false
    this.impairment = undefined
    this.settledPositions.forgetAll()
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
    const { settings, host } = this
    const assignment = ++assignments
    this.assignmentByPartition.set(partitionKey(partition), assignment)
    await this.forgetSettled(partition)
    const clusterId = (this.clusterId ??= await this.cluster.admin.clusterId())
    const start = await startPosition({
      partition,
      assignment,
      group: settings.group,
      committed,
      otherwise: settings.start,
      ledger:
        host.positions === undefined
          ? undefined
          : { clusterId: () => Promise.resolve(clusterId), store: host.positions },
    })
    const stop = this.stoppedPartitions.recall(partition, start)
    return stop === undefined ? start : { stop }
  }

  /** Resolves when the flow is done with the batch; never after the consumer was stopped: Kafka delivers it again. */
  private onBatch(batch: ConsumedBatch): Promise<void> {
    if (this.stopping.signal.aborted || this.consumer === undefined) return new Promise(() => undefined)
    this.lagByPartition.set(partitionKey(batch), Math.max(0, batch.highWatermark - batch.nextOffset))
    const assignment = this.assignmentOf(batch)
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
    // A partition that has begun anew may have gone back, behind what was settled before.
    if (this.host.positions === undefined || assignment !== this.assignmentOf(batch)) return
    const { topic, partition, records } = batch
    const last = records.at(-1)
    const lastTimestamp = last?.offset === nextOffset - 1 ? last.timestamp : undefined
    this.settledPositions.note({ topic, partition, offset: nextOffset, lastTimestamp })
  }

  /** Moves the positions up to what is settled; what cannot be moved any more is left out, so it is read again. */
  private async forgetSettled(partition: TopicPartition): Promise<void> {
    await this.settledPositions.flush()
    this.settledPositions.forget(partition)
  }

  private assignmentOf(partition: TopicPartition): number | undefined {
    return this.assignmentByPartition.get(partitionKey(partition))
  }

  /**
   * Leaves dead letters in their topic that have had their attempts: what fails again behind a consumer of that
   * topic comes back to it, and would go round for ever.
   */
  private withoutSpent({ records }: ConsumedBatch): readonly ConsumedRecord[] {
    const { maxDeadLetterAttempts } = this.settings
    const isDue = ({ headers }: ConsumedRecord): boolean =>
      headers[HEADER.deadLetterId] === undefined || attemptsIn(headers) < maxDeadLetterAttempts
    if (records.every(isDue)) return records
    const due = records.filter(isDue)
    this.host.onSpent(records.length - due.length)
    return due
  }

  /** What is in the flow is not sent again; what sinks still finish is left to the driver's commit rules. */
  private onRevoked(partitions: readonly TopicPartition[]): void {
    this.noteChange('KAFKA_REVOKED', partitions)
    const keys = new Set(partitions.map(partitionKey))
    for (const partition of partitions) {
      this.lagByPartition.delete(partitionKey(partition))
      this.stoppedPartitions.leave(partition)
    }
    void this.settledPositions.flush()
    if (this.stopping.signal.aborted) return
    this.runs.revoke((batch) => keys.has(partitionKey(batch)))
  }

  private noteChange(code: 'KAFKA_ASSIGNED' | 'KAFKA_REVOKED', { length }: readonly TopicPartition[]): void {
    const { group } = this.settings
    const what = code === 'KAFKA_ASSIGNED' ? 'was given' : 'has given up'
    const text = `the consumer ${what} ${length} ${length === 1 ? 'partition' : 'partitions'} in group ${group}`
    if (length > 0) this.host.log.note(code, text, { counts: { partitions: length } })
  }

  // ---- into the flow -----------------------------------------------------------------------------------------

  private onGateOpen(): void {
    this.flowCheck.look()
    this.redelivery.gateOpened()
    this.start()
  }

  private compose(part: Emitted, error: PipelineError | undefined): Message {
    const { mode, group, topicNames } = this.settings
    const { batch: partition, assignment } = part.run
    const { gaps } = partition
    const origin = { clusterId: this.clusterId ?? '', group, partition, assignment, gaps, topicNames }
    const message = mode === 'batch' ? batchMessage(part, origin) : recordMessage(part, origin)
    if (error !== undefined) message.error = this.host.describe(error)
    return message
  }

  // ---- topics ------------------------------------------------------------------------------------------------

  /** Resolves when the topics are there that the node shall make. */
  private async createTopics(): Promise<void> {
    const { createTopics: plan, topics } = this.settings
    if (plan === undefined) return
    const names = topics.filter((topic) => typeof topic === 'string')
    for (let attempt = 1; !this.stopping.signal.aborted; attempt++) {
      try {
        for (const name of names) await this.cluster.ensureTopic(newTopic(name, plan))
        this.topicProblem = undefined
        return
      } catch (error) {
        this.topicProblem = asPipelineError(error)
      }
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, CREATE_BACKOFF)).unref())
    }
  }
}

/** At most so many are named; a device may have made any number of them. */
const SHOWN_TOPICS = 10

function excludedText(topics: readonly string[]): string {
  const shown = topics.slice(0, SHOWN_TOPICS).join(', ')
  const more = topics.length > SHOWN_TOPICS ? ` and ${topics.length - SHOWN_TOPICS} more` : ''
  return (
    `the topic pattern matches ${shown}${more}, which a pattern never reads: "__" is for the topics of Kafka itself. ` +
    'To read such a topic, name it in a consumer of its own'
  )
}
