/**
 * How many partitions a topic has, known before its first record gets a partition. What comes in before waits here,
 * in order. A topic that is missing is created, waited for, or refused, as the producer is configured.
 *
 * The number is asked for again from time to time: when it has grown, new records spread over the new partitions too.
 * A topic that was created again with fewer is noticed by the producer, when it writes to a partition that is gone.
 */
import { backoffMs, type BackoffOptions } from '../../time/backoff'
import { asPipelineError, PipelineError } from '../../wire/errors'
import type { LaneClock } from '../../batching/lane'

const REFRESH_MS = 300_000
/** Topics that are remembered; a template could name any number. Of more, those used longest ago are asked for again. */
const MAX_TOPICS = 2_000

export interface TopicPartitionsOptions {
  /**
   * Creates the topic if told to.
   * @param tenant whose record was the first for this topic, when that is known
   * @returns the number of partitions @throws PipelineError
   */
  readonly ask: (topic: string, tenant: string | undefined) => Promise<number>
  readonly backoff: BackoffOptions
  readonly clock: LaneClock
}

type Waiting = (partitions: number, error: PipelineError | undefined) => void

interface Entry {
  readonly tenant: string | undefined
  partitions: number
  askedAtMs: number
  usedAtMs: number
  asking: boolean
  attempts: number
  problem: PipelineError | undefined
  cancelRetry: (() => void) | undefined
  waiting: Waiting[]
}

export class TopicPartitions {
  private readonly entries = new Map<string, Entry>()
  private closed: PipelineError | undefined

  constructor(private readonly options: TopicPartitionsOptions) {}

  /** Why the records of some topic wait. */
  get problem(): PipelineError | undefined {
    for (const entry of this.entries.values()) if (entry.problem !== undefined) return entry.problem
    return undefined
  }

  /** The number of partitions; `undefined` while it is not known, then `whenKnown` calls back. */
  countOf(topic: string): number | undefined {
    const entry = this.entries.get(topic)
    if (entry === undefined || entry.partitions === 0) return undefined
    entry.usedAtMs = this.options.clock.now()
    if (!entry.asking && entry.usedAtMs - entry.askedAtMs > REFRESH_MS) this.ask(topic, entry)
    return entry.partitions
  }

  /**
   * Calls back once, in the order of the calls for one topic: with the number, or with an error that is final.
   */
  whenKnown(topic: string, tenant: string | undefined, waiting: Waiting): void {
    if (this.closed !== undefined) {
      waiting(0, this.closed)
      return
    }
    let entry = this.entries.get(topic)
    if (entry === undefined) {
      if (this.entries.size >= MAX_TOPICS) this.forgetHalf()
      entry = newEntry(tenant)
      this.entries.set(topic, entry)
    }
    entry.waiting.push(waiting)
    if (!entry.asking) this.ask(topic, entry)
  }

  /** A known topic has another number of partitions now. */
  set(topic: string, partitions: number): void {
    const entry = this.entries.get(topic)
    if (entry === undefined || entry.partitions === 0) return
    entry.partitions = partitions
    entry.askedAtMs = this.options.clock.now()
  }

  /** Everything that waits fails with this error. */
  close(error: PipelineError): void {
    this.closed = error
    for (const entry of this.entries.values()) {
      entry.cancelRetry?.()
      for (const waiting of entry.waiting.splice(0)) waiting(0, error)
    }
    this.entries.clear()
  }

  /** How many topics are remembered, and asked for. */
  get size(): number {
    return this.entries.size
  }

  /** Only what is known: nothing waits there. */
  private forgetHalf(): void {
    const known = [...this.entries].filter(([, { partitions, asking }]) => partitions > 0 && !asking)
    known.sort(([, one], [, other]) => one.usedAtMs - other.usedAtMs)
    for (const [topic] of known.slice(0, Math.ceil(known.length / 2))) this.entries.delete(topic)
  }

  private ask(topic: string, entry: Entry): void {
    entry.asking = true
    this.options.ask(topic, entry.tenant).then(
      (partitions) => this.onAnswer(entry, partitions),
      (error: unknown) => this.onError(topic, entry, asPipelineError(error, 'KAFKA_FAILED')),
    )
  }

  private onAnswer(entry: Entry, partitions: number): void {
    entry.asking = false
    entry.attempts = 0
    entry.problem = undefined
    entry.partitions = partitions
    entry.askedAtMs = this.options.clock.now()
    for (const waiting of entry.waiting.splice(0)) waiting(partitions, undefined)
  }

  private onError(topic: string, entry: Entry, error: PipelineError): void {
    if (this.closed !== undefined) return
    if (entry.partitions > 0) {
      // Only a refresh: the old number stays good.
      entry.asking = false
      entry.askedAtMs = this.options.clock.now()
      return
    }
    if (!error.retryable) {
      this.entries.delete(topic)
      for (const waiting of entry.waiting.splice(0)) waiting(0, error)
      return
    }
    entry.problem = error
    entry.attempts++
    const { clock, backoff } = this.options
    const waitMs = backoffMs(entry.attempts, backoff, clock.random())
    entry.cancelRetry = clock.after(waitMs, () => this.ask(topic, entry))
  }
}

function newEntry(tenant: string | undefined): Entry {
  return {
    tenant,
    partitions: 0,
    askedAtMs: 0,
    usedAtMs: 0,
    asking: false,
    attempts: 0,
    problem: undefined,
    cancelRetry: undefined,
    waiting: [],
  }
}
