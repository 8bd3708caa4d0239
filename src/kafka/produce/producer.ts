/**
 * Writes the records of tenants to Kafka and says when each one is durable. It chooses the partition, gathers records
 * in a lane for each, and repeats what fails until it is stored; only a record that Kafka can never take is given
 * back.
 */
import type { Completion, LaneClock, LaneLimits } from '../../batching/lane'
import { Lanes } from '../../batching/lanes'
import { systemClock } from '../../batching/system-clock'
import type { EventLog } from '../../log/event-log'
import type { ValueFormat } from '../../record/envelope'
import { batchSpan } from '../batch-span'
import { reserveTopic } from '../../tenant/reserved-topics'
import { backoffMs } from '../../time/backoff'
import { settlesWithin } from '../../time/deadline'
import { Distribution, SECONDS } from '../../watch/distribution'
import { asPipelineError, asRecordError, type PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { KafkaCluster } from '../cluster'
import type { Compression, KafkaProducer, KafkaRecord } from '../driver'
import { MissingTopics, type MissingTopicOptions } from '../topics/missing-topics'
import { TopicPartitions } from '../topics/topic-partitions'
import { TopicRefusals } from '../topics/topic-refusals'
import { VanishedPartitions } from '../topics/vanished-partitions'
import { Partitioner } from './partitioner'
import { QuietTimer } from './quiet-timer'
import { addressRecord, countedIds, type AddressedRecord, type RecordOptions } from './record'
import { tooLargeFor } from './request-limit'
import {
  bufferFull,
  isRefusal,
  isTimeOfClock,
  isUnknownTopic,
  mayBeGone,
  noSuchPartition,
  producerClosed,
  refusalOf,
  wrongClock,
} from './send-errors'
import { TopicNotes } from './topic-notes'

const BACKOFF = { initialMs: 100, maxMs: 5_000 }
/** No more is taken from a flow whose source does not wait: memory would grow without bound. */
const MAX_HELD_BYTES = 128 * 1024 * 1024
const DRAIN_POLL_MS = 20
/** A leader that moves is back sooner in most clusters. */
const STUCK_MS = 1000
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

export class TenantProducer {
  /** Seconds from sending a batch to its answer. */
  readonly latencies = new Distribution(SECONDS)
  private readonly clock: LaneClock
  private readonly producer: KafkaProducer
  private readonly lanes: Lanes<KafkaRecord>
  private readonly topics: TopicPartitions
  private readonly recordOptions: RecordOptions
  private readonly missing: MissingTopics
  private readonly refusals: TopicRefusals
  private readonly vanished: VanishedPartitions
  private readonly partitioner: Partitioner
  private readonly quiet: QuietTimer
  private readonly notes: TopicNotes
  private readonly release: (() => void) | undefined
  /** Records whose topic is not known yet. */
  private waitingRecords = 0
  private waitingBytes = 0
  /** Records that no source would send again. */
  private loneRecords = 0
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
    const { topic, format, limits, compression, log } = options
    this.clock = options.clock ?? systemClock
    const nowMs = (): number => this.clock.now()
    const requestTimeoutMs = Math.round(cluster.connection.requestTimeoutMs * REPLICA_SHARE)
    this.producer = cluster.driver.producer({ compression, requestTimeoutMs })
    this.lanes = new Lanes({
      limits,
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
    this.refusals = new TopicRefusals(nowMs)
    this.vanished = new VanishedPartitions(nowMs)
    this.missing = new MissingTopics(cluster, options, nowMs)
    this.partitioner = new Partitioner(() => this.clock.random())
    this.quiet = new QuietTimer(limits.lingerMs, this.clock, () => this.flushNow())
    this.notes = new TopicNotes(log, () => cluster.admin, limits.maxBytes)
    this.recordOptions = { topic, format, now: Date.now, newMessageId: countedIds() }
    this.release = topic === '' ? undefined : reserveTopic(topic)
  }

  /** Records in a batch, by what closed it. */
  get batches(): Lanes<KafkaRecord>['batches'] {
    return this.lanes.batches
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
    const { topic } = this.options
    if (topic === '') this.probe(1)
    else this.topics.whenKnown(topic, undefined, (_partitions, error) => (this.probeProblem = error))
  }

  /**
   * Takes a record. The completion comes once, later, and never if the process ends before.
   * @param isAwaited its source holds it until it is stored, and takes no more than its window. Such a record is never refused
   *        for lack of room: tried again later, it would come after newer ones of its device.
   */
  write(wire: WireRecord, completion: Completion, isAwaited = false): void {
    let addressed: AddressedRecord
    try {
      if (this.closing) throw producerClosed()
      addressed = this.address(wire)
      if (!isAwaited) this.requireRoom(addressed)
    } catch (error) {
      const failure = asPipelineError(error)
      queueMicrotask(() => completion.failed(failure))
      return
    }
    if (addressed.record.hasOwnTime === true) this.notes.noteOwnTime(addressed.topic)
    const partitions = this.topics.countOf(addressed.topic)
    const whose = isAwaited ? completion : this.counted(completion)
    if (partitions === undefined) this.wait(addressed, tenantOf(wire), whose)
    else this.enqueue(addressed, partitions, whose)
  }

  private counted(completion: Completion): Completion {
    this.loneRecords++
    return {
      stored: () => {
        this.loneRecords--
        completion.stored()
      },
      failed: (error) => {
        this.loneRecords--
        completion.failed(error)
      },
    }
  }

  /** Writes at once what has gathered: the sender of the records waits for the answer. */
  flushNow(): void {
    this.lanes.flush('quiet')
  }

  /**
   * Stores what it holds within the budget, and fails the rest: the source sends it again. While Kafka takes nothing there is
   * no point in waiting, except for records that have no such source.
   */
  async close(budgetMs: number): Promise<void> {
    this.closing = true
    this.release?.()
    this.quiet.close()
    this.cancelProbe?.()
    await settlesWithin(this.drained(), budgetMs)
    this.topics.close(producerClosed())
    this.missing.close()
    this.lanes.abandon(producerClosed())
    await this.producer.close()
  }

  /** Resolves when everything is stored or abandoned, or nothing can be stored. */
  private drained(): Promise<void> {
    return new Promise((resolve) => {
      let stored = -1
      let movedAtMs = this.clock.now()
      const poll = (): void => {
        this.flushNow()
        if (this.stored !== stored) movedAtMs = this.clock.now()
        stored = this.stored
        const isStuck = this.problem !== undefined && this.clock.now() - movedAtMs >= STUCK_MS
        if (this.heldRecords === 0 || (isStuck && this.loneRecords === 0)) resolve()
        else this.clock.after(DRAIN_POLL_MS, poll)
      }
      poll()
    })
  }

  // ---- from the flow into the lanes ------------------------------------------------------------------------

  private address(wire: WireRecord): AddressedRecord {
    try {
      return addressRecord(wire, this.recordOptions)
    } catch (thrown) {
      throw asRecordError(thrown)
    }
  }

  private requireRoom({ topic, bytes }: AddressedRecord): void {
    const { maxHeldBytes = MAX_HELD_BYTES } = this.options
    if (this.lanes.heldBytes + this.waitingBytes + bytes <= maxHeldBytes) return
    throw tooLargeFor(MAX_HELD_BYTES, bytes, `holding a record for ${topic}`) ?? bufferFull(this.heldRecords)
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
    const { topic, record, bytes } = addressed
    const partition = addressed.partition ?? this.partitioner.partitionOf(addressed, partitions)
    if (partition >= partitions) {
      queueMicrotask(() => completion.failed(noSuchPartition(topic, partition, partitions)))
      return
    }
    this.lanes.add(topic, partition, record, bytes, completion)
    this.quiet.noteRecord()
  }

  // ---- from a lane to Kafka --------------------------------------------------------------------------------

  private async writeBatch(topic: string, partition: number, records: readonly KafkaRecord[]): Promise<void> {
    const sentAtMs = this.clock.now()
    const span = batchSpan('publish', topic, partition, records)
    try {
      await this.producer.send(topic, partition, records)
      span?.end()
      this.latencies.add((this.clock.now() - sentAtMs) / 1000)
      this.stored += records.length
      this.probeProblem = undefined
      this.answered = true
      this.refusals.taken(topic)
    } catch (error) {
      span?.end(error)
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
    this.notes.noteFewerPartitions(topic, partitions, moved.length)
    for (const { record, bytes, completion, partition: before } of moved) {
      const chosen = record.hasOwnPartition === true ? before : undefined
      this.enqueue({ topic, partition: chosen, key: record.key, record, bytes }, partitions, completion)
    }
  }

  // ---- topics and connection -------------------------------------------------------------------------------

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
    this.notes.noteFound(topic)
    return partitions
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
}

function tenantOf({ tenant }: WireRecord): string | undefined {
  return typeof tenant === 'string' ? tenant : undefined
}
