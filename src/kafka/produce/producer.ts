/**
 * Writes the records of tenants to Kafka and says when each one is durable. It chooses the partition, gathers records
 * in a lane for each, and repeats what fails until it is stored; only a record that Kafka can never take is given
 * back.
 */
import type { Completion, LaneClock, LaneLimits, Refusal } from '../../batching/lane'
import { Lanes } from '../../batching/lanes'
import { backoffMs } from '../../time/backoff'
import { settlesWithin } from '../../time/deadline'
import { asPipelineError, asRecordError, PipelineError } from '../../wire/errors'
import type { EventLog } from '../../log/event-log'
import { RecentMap } from '../../runtime/recent-map'
import type { WireRecord } from '../../wire/message'
import type { ValueFormat } from '../../record/envelope'
import type { KafkaCluster } from '../cluster'
import type { Compression, KafkaProducer, KafkaRecord, TopicDescription } from '../driver'
import { reserveTopic } from '../../tenant/reserved-topics'
import { MissingTopics, type MissingTopicOptions } from '../topics/missing-topics'
import { partitionOfKey } from './murmur2'
import { addressRecord, countedIds, type AddressedRecord, type RecordOptions } from './record'
import { tooLargeFor } from './request-limit'
import { StickyPartition } from './sticky-partition'
import { topicWarnings } from '../topics/topic-check'
import { TopicChecks } from '../topics/topic-checks'
import { TopicPartitions } from '../topics/topic-partitions'
import { TopicRefusals } from '../topics/topic-refusals'
import { VanishedPartitions } from '../topics/vanished-partitions'

const BACKOFF = { initialMs: 100, maxMs: 5_000 }
/** More is not taken from a flow whose source does not wait: it would be memory without end. */
const MAX_HELD_BYTES = 128 * 1024 * 1024
/** Topics with records without a key. */
const MAX_STICKY = 1_000
const DRAIN_POLL_MS = 20
/** Of the cluster's time for an answer; the rest is for the way there and back. */
const REPLICA_SHARE = 2 / 3

export interface TenantProducerOptions extends MissingTopicOptions {
  /** Where all records go; empty: where the record says. */
  readonly topic: string
  readonly format: ValueFormat
  readonly compression: Compression
  readonly limits: LaneLimits
  readonly log: EventLog
  /** Of what sources hand over that do not wait; another number than 128 MB is for tests. */
  readonly maxHeldBytes?: number
  readonly clock?: LaneClock
}

const systemClock: LaneClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

export class TenantProducer {
  private readonly clock: LaneClock
  private readonly producer: KafkaProducer
  private readonly lanes: Lanes<KafkaRecord>
  private readonly topics: TopicPartitions
  private readonly recordOptions: RecordOptions
  private readonly missing: MissingTopics
  private readonly refusals: TopicRefusals
  private readonly vanished: VanishedPartitions
  private readonly release: (() => void) | undefined
  /** Forgetting one costs a smaller batch. */
  private readonly sticky = new RecentMap<string, StickyPartition>(MAX_STICKY)
  private readonly checks: TopicChecks
  /** Checked topics in which the broker replaces the time of a record, and nobody was told yet that the flow has set one. */
  private readonly timeless = new Set<string>()
  private readonly quietMs: number
  private waitingRecords = 0
  private waitingBytes = 0
  private writes = 0
  private cancelQuiet: (() => void) | undefined
  private cancelProbe: (() => void) | undefined
  private probeProblem: PipelineError | undefined
  private stored = 0
  private answered = false
  private closing = false

  /** @throws PipelineError when the compression is not available */
  constructor(
    private readonly cluster: KafkaCluster,
    private readonly options: TenantProducerOptions,
  ) {
    this.clock = options.clock ?? systemClock
    const requestTimeoutMs = Math.round(cluster.connection.requestTimeoutMs * REPLICA_SHARE)
    this.producer = cluster.driver.producer({ compression: options.compression, requestTimeoutMs })
    this.lanes = new Lanes({
      limits: options.limits,
      backoff: BACKOFF,
      clock: this.clock,
      refusalOf,
      write: (topic, partition, records) => this.writeBatch(topic, partition, records),
    })
    this.topics = new TopicPartitions({
      ask: (topic, tenant) => this.askFor(topic, tenant),
      backoff: BACKOFF,
      clock: this.clock,
    })
    this.refusals = new TopicRefusals(() => this.clock.now())
    this.vanished = new VanishedPartitions(() => this.clock.now())
    this.missing = new MissingTopics(cluster, options, () => this.clock.now())
    this.checks = new TopicChecks({
      admin: () => cluster.admin,
      log: options.log,
      warnings: (description) => topicWarnings(description, options.limits.maxBytes),
      onDescribed: (description) => this.onDescribed(description),
    })
    const { topic, format } = options
    this.recordOptions = { topic, format, now: Date.now, newMessageId: countedIds() }
    this.release = topic === '' ? undefined : reserveTopic(topic)
    this.quietMs = Math.max(1, options.limits.lingerMs / 4)
  }

  /** Records taken and not stored yet. */
  get heldRecords(): number {
    return this.lanes.heldRecords + this.waitingRecords
  }

  /** Records stored since the start. */
  get storedRecords(): number {
    return this.stored
  }

  /** Kafka has answered at least once. */
  get connected(): boolean {
    return this.answered
  }

  /** What keeps records from being stored; `undefined` when all is well. */
  get problem(): PipelineError | undefined {
    return this.lanes.problem ?? this.topics.problem ?? this.probeProblem
  }

  /** Looks for Kafka, and for the topic if there is a fixed one, until they are there. */
  start(): void {
    if (this.options.topic === '') this.probe(1)
    else
      this.topics.whenKnown(
        this.options.topic,
        undefined,
        (_partitions, error) => (this.probeProblem = error),
      )
  }

  /**
   * Takes a record. The completion is told once, later, and never if the process ends before.
   * @param isAwaited its source holds it until it is stored, and takes no more than its window. Such a record is never refused
   *        for lack of room: tried again later, it would come after newer ones of its device.
   */
  write(wire: WireRecord, completion: Completion, isAwaited = false): void {
    let addressed: AddressedRecord
    try {
      if (this.closing) throw closed()
      addressed = this.address(wire)
      const { maxHeldBytes = MAX_HELD_BYTES } = this.options
      if (!isAwaited && this.lanes.heldBytes + this.waitingBytes + addressed.bytes > maxHeldBytes) {
        throw (
          tooLargeFor(MAX_HELD_BYTES, addressed.bytes, `holding a record for ${addressed.topic}`) ??
          this.full()
        )
      }
    } catch (error) {
      const failure = asPipelineError(error)
      queueMicrotask(() => completion.failed(failure))
      return
    }
    if (addressed.record.hasOwnTime === true) this.noteOwnTime(addressed.topic)
    const partitions = this.topics.countOf(addressed.topic)
    if (partitions === undefined) this.wait(addressed, tenantOf(wire), completion)
    else this.enqueue(addressed, partitions, completion)
  }

  private address(wire: WireRecord): AddressedRecord {
    try {
      return addressRecord(wire, this.recordOptions)
    } catch (thrown) {
      throw asRecordError(thrown)
    }
  }

  /** Writes at once what has gathered: whoever sends the records waits for the answer. */
  flushNow(): void {
    this.lanes.flush('quiet')
  }

  /** Stores what it holds within the budget, and fails the rest: the source sends it again. */
  async close(budgetMs: number): Promise<void> {
    this.closing = true
    this.release?.()
    this.cancelQuiet?.()
    this.cancelProbe?.()
    await settlesWithin(this.drained(), budgetMs)
    this.topics.close(closed())
    this.missing.close()
    this.lanes.abandon(closed())
    await this.producer.close()
  }

  /** Resolves when everything is stored; gives up when somebody abandons it. */
  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.flushNow()
        if (this.heldRecords === 0) resolve()
        else this.clock.after(DRAIN_POLL_MS, look)
      }
      look()
    })
  }

  private wait(addressed: AddressedRecord, tenant: string | undefined, completion: Completion): void {
    this.waitingRecords++
    this.waitingBytes += addressed.bytes
    this.topics.whenKnown(addressed.topic, tenant, (partitions, error) => {
      this.waitingRecords--
      this.waitingBytes -= addressed.bytes
      if (error === undefined) this.enqueue(addressed, partitions, completion)
      else queueMicrotask(() => completion.failed(error))
    })
  }

  private enqueue(addressed: AddressedRecord, partitions: number, completion: Completion): void {
    const { topic, key, record, bytes } = addressed
    const partition =
      addressed.partition ??
      (key === null ? this.stickyOf(topic).next(bytes, partitions) : partitionOfKey(key, partitions))
    if (partition >= partitions) {
      queueMicrotask(() => completion.failed(noSuchPartition(topic, partition, partitions)))
      return
    }
    this.lanes.add(topic, partition, record, bytes, completion)
    this.writes++
    if (this.cancelQuiet === undefined) this.watchForQuiet()
  }

  /**
   * A source with a small window (20 messages, in MQTT 3.1.1) sends nothing more before these are stored. So the
   * linger time is the longest wait, and a quarter of it without a new record ends it.
   */
  private watchForQuiet(): void {
    const seen = this.writes
    this.cancelQuiet = this.clock.after(this.quietMs, () => {
      this.cancelQuiet = undefined
      if (this.writes === seen) this.flushNow()
      else this.watchForQuiet()
    })
  }

  private stickyOf(topic: string): StickyPartition {
    let sticky = this.sticky.get(topic)
    if (sticky === undefined) {
      sticky = new StickyPartition(Math.floor(this.clock.random() * 1000))
      this.sticky.set(topic, sticky)
    }
    return sticky
  }

  private async writeBatch(topic: string, partition: number, records: readonly KafkaRecord[]): Promise<void> {
    try {
      await this.producer.send(topic, partition, records)
      this.stored += records.length
      this.probeProblem = undefined
      this.answered = true
      this.refusals.taken(topic)
    } catch (error) {
      if (isTimeOfClock(error, records)) throw wrongClock(error)
      if (isRefusal(error)) throw this.refusals.judge(topic, records, error)
      if (mayBeGone(error)) await this.leaveVanished(topic, partition)
      if (!isUnknownTopic(error)) throw error
      await this.missing.count(topic, undefined, error)
      throw error
    }
  }

  /** The records of a partition that is gone have never been acknowledged: each gets another partition by its key. */
  private async leaveVanished(topic: string, partition: number): Promise<void> {
    const partitions = await this.producer.partitionCount(topic).catch(() => Infinity)
    if (!this.vanished.isGone(topic, partition, partitions)) return
    const moved = this.lanes.takeFrom(topic, partitions)
    this.topics.set(topic, partitions)
    this.options.log.note(
      'KAFKA_PARTITIONS_FEWER',
      `Kafka topic ${topic} has ${partitions} partitions now, fewer than before: it was made again. Devices may change ` +
        'their partition; what waited for the others is written to these',
      { counts: { partitions, records: moved.length } },
    )
    for (const { record, bytes, completion, partition: before } of moved) {
      const chosen = record.hasOwnPartition === true ? before : undefined
      this.enqueue({ topic, partition: chosen, key: record.key, record, bytes }, partitions, completion)
    }
  }

  private async askFor(topic: string, tenant: string | undefined): Promise<number> {
    await this.missing.screen(topic, tenant)
    let partitions: number
    try {
      partitions = await this.producer.partitionCount(topic)
    } catch (error) {
      if (!isUnknownTopic(error)) throw error
      this.answered = true
      partitions = await this.missing.count(topic, tenant, error)
    }
    this.answered = true
    void this.checks.look(topic)
    return partitions
  }

  private onDescribed(description: TopicDescription): void {
    const { topic, partitions, replicas, minInSyncReplicas, hasAppendTime } = description
    const minInSync = minInSyncReplicas === undefined ? {} : { minInSyncReplicas }
    this.options.log.note('KAFKA_TOPIC_CHECKED', `Kafka topic ${topic} is there`, {
      counts: { partitions, replicas, ...minInSync },
    })
    if (hasAppendTime === true) this.timeless.add(topic)
  }

  /** The flow has set `msg.kafka.timestamp`: it must not be replaced without a word. */
  private noteOwnTime(topic: string): void {
    if (!this.timeless.delete(topic)) return
    this.options.log.note(
      'KAFKA_TOPIC_UNSAFE',
      `Kafka topic ${topic} has message.timestamp.type=LogAppendTime: the broker replaces msg.kafka.timestamp by its ` +
        'own time. Set CreateTime for the topic to keep it, or put the time into the payload.',
    )
  }

  private probe(attempt: number): void {
    this.cluster.admin.clusterId().then(
      () => {
        this.answered = true
        this.probeProblem = undefined
      },
      (error: unknown) => {
        if (this.closing || this.answered) return
        this.probeProblem = asPipelineError(error)
        const waitMs = backoffMs(attempt, BACKOFF, this.clock.random())
        this.cancelProbe = this.clock.after(waitMs, () => this.probe(attempt + 1))
      },
    )
  }

  private full(): PipelineError {
    return new PipelineError(
      'KAFKA_BUFFER_FULL',
      `the producer holds ${this.heldRecords} records that Kafka has not stored yet, and takes no more`,
      { retryable: true, statusText: 'Kafka: buffer full' },
    )
  }
}

function refusalOf({ code, retryable }: PipelineError): Refusal | undefined {
  // With the time that is right by then, the record is another one: its source sends it again.
  if (code === 'KAFKA_CLOCK') return 'all'
  if (retryable) return undefined
  if (code === 'KAFKA_RECORD_TOO_LARGE') return 'size'
  return code === 'KAFKA_INVALID_RECORD' || code === 'KAFKA_INVALID_TIME' ? 'record' : 'all'
}

/** The refused time is nobody's choice: a wrong clock must not make dead letters of good records. */
function isTimeOfClock(error: unknown, records: readonly KafkaRecord[]): error is PipelineError {
  const isRefused = error instanceof PipelineError && error.code === 'KAFKA_INVALID_TIME'
  return isRefused && !records.some(({ hasOwnTime }) => hasOwnTime === true)
}

function wrongClock(cause: PipelineError): PipelineError {
  return new PipelineError(
    'KAFKA_CLOCK',
    `Kafka refuses the time at which messages arrived here (${cause.message}). Set the clock of this machine, or of the ` +
      "broker, or widen the topic's limit. The messages are kept, and sent again",
    { retryable: true, statusText: 'Kafka: check the clock', cause },
  )
}

function tenantOf({ tenant }: WireRecord): string | undefined {
  return typeof tenant === 'string' ? tenant : undefined
}

/** What the broker says of records, which a setting of the topic may be behind. */
function isRefusal(error: unknown): error is PipelineError {
  return error instanceof PipelineError && /^KAFKA_INVALID_(RECORD|TIME)$/.test(error.code)
}

function mayBeGone(error: unknown): boolean {
  return error instanceof PipelineError && /^KAFKA_(NO_LEADER|STALE_METADATA)$/.test(error.code)
}

function isUnknownTopic(error: unknown): error is PipelineError {
  return error instanceof PipelineError && error.code === 'KAFKA_UNKNOWN_TOPIC'
}

function closed(): PipelineError {
  return new PipelineError('KAFKA_CLOSED', 'the producer was closed before Kafka had stored the record', {
    retryable: true,
    statusText: 'Kafka: closed',
  })
}

function noSuchPartition(topic: string, partition: number, partitions: number): PipelineError {
  return new PipelineError(
    'KAFKA_INVALID_PARTITION',
    `msg.kafka.partition is ${partition}, and topic ${topic} has ${partitions}`,
    { retryable: false, statusText: 'invalid partition' },
  )
}
