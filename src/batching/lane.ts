/**
 * A lane carries the records of one partition, in their order. While one batch is out, records gather for the next;
 * so batches grow under load and stay small when it is quiet.
 *
 * States: nothing out and nothing gathered; gathering (the linger time runs from the first record); a batch is out;
 * a batch waits for its next attempt. At most one batch is out, and it is repeated as it is until it is stored: a
 * batch that has been cut differently could be stored twice, or lost (the broker tells repetitions by their
 * position). Only a batch that the broker has refused for good is cut, in halves, until the bad record is alone.
 */
import { backoffMs, type BackoffOptions } from '../time/backoff'
import { asPipelineError, PipelineError } from '../wire/errors'

/**
 * After this many batches in a row that the partition took, it is tried whether it takes larger ones again, which costs a
 * refusal when it does not; and when it does, the limit was raised, and the next step comes sooner.
 */
const BATCHES_BEFORE_GROWTH = 50
const BATCHES_BEFORE_MORE_GROWTH = 10

/** Told once for each record, never in the call that has added it. */
export interface Completion {
  stored(): void
  failed(error: PipelineError): void
}

/** Why a batch was closed. `quiet`: no more records came, so waiting longer would gain nothing. */
export type FlushReason = 'records' | 'bytes' | 'linger' | 'quiet'

/** `size`: the batch is too large; `record`: one of its records is bad; `all`: every record of it is refused. */
export type Refusal = 'size' | 'record' | 'all'

export interface LaneLimits {
  readonly maxRecords: number
  /** A single record may be larger; it is then alone in its batch. */
  readonly maxBytes: number
  readonly lingerMs: number
}

export interface LaneOptions<T> {
  readonly limits: LaneLimits
  readonly backoff: BackoffOptions
  readonly write: (records: readonly T[]) => Promise<unknown>
  /**
   * What a refusal for good is about, `undefined` when there is none and the same batch is to be written again. A batch is
   * cut unless all of it is refused.
   */
  readonly refusalOf: (error: PipelineError) => Refusal | undefined
  /** What keeps the lane from writing; `undefined` when it writes again. */
  readonly onProblem: (problem: PipelineError | undefined) => void
  readonly onFlush: (reason: FlushReason, records: number) => void
  /** The linger time of the gathering batch is over: `flush` it, and with it what else can go out now. */
  readonly onLingerOver: () => void
  /** Records have left the lane, stored or failed. */
  readonly onReleased: (records: number, bytes: number) => void
  readonly clock: LaneClock
}

export interface LaneClock {
  /** Milliseconds, monotonic. */
  now(): number
  /** @returns the function that cancels it */
  after(ms: number, run: () => void): () => void
  /** For the jitter of a back-off: 0 ≤ random < 1. */
  random(): number
}

/** What a lane holds of one record. */
export interface Held<T> {
  readonly record: T
  readonly bytes: number
  readonly completion: Completion
}

interface Batch<T> {
  readonly records: T[]
  readonly sizes: number[]
  readonly completions: Completion[]
  readonly startedAtMs: number
  bytes: number
}

export class Lane<T> {
  private gathering: Batch<T> | undefined
  private readonly closed: Batch<T>[] = []
  private out: Batch<T> | undefined
  /** Set when the gathering batch must not wait any longer. */
  private flushReason: FlushReason | undefined
  private attempts = 0
  private maxBytes: number
  /** Since the last refusal for the size, or the last growth. */
  private takenBatches = 0
  private batchesBeforeGrowth = BATCHES_BEFORE_GROWTH
  private cancelLinger: (() => void) | undefined
  private cancelRetry: (() => void) | undefined
  private abandoned = false

  constructor(private readonly options: LaneOptions<T>) {
    this.maxBytes = options.limits.maxBytes
  }

  /** Nothing gathered, nothing out. */
  get idle(): boolean {
    return this.out === undefined && this.gathering === undefined && this.closed.length === 0
  }

  add(record: T, bytes: number, completion: Completion): void {
    if (this.gathering !== undefined && this.gathering.bytes + bytes > this.maxBytes) this.closeBatch('bytes')
    this.gathering ??= newBatch(this.options.clock.now())
    const batch = this.gathering
    batch.records.push(record)
    batch.sizes.push(bytes)
    batch.completions.push(completion)
    batch.bytes += bytes
    if (batch.records.length >= this.options.limits.maxRecords) this.closeBatch('records')
    else if (batch.bytes >= this.maxBytes) this.closeBatch('bytes')
    this.pump()
  }

  /** Does not wait for more. While a batch is out the next one keeps gathering, and goes out right after it. */
  flush(reason: FlushReason): void {
    if (this.gathering === undefined) return
    this.flushReason = reason
    this.pump()
  }

  /** Fails all that it holds and forgets it. What is out may be stored all the same. */
  abandon(error: PipelineError): void {
    for (const { completion } of this.takeAll()) completion.failed(error)
  }

  /** Hands over all that it holds, in order, and is of no use any more. What is out may be stored all the same. */
  takeAll(): Held<T>[] {
    this.abandoned = true
    this.cancelLinger?.()
    this.cancelRetry?.()
    this.endOfProblem()
    const batches = [this.out, ...this.closed, this.gathering].filter((batch) => batch !== undefined)
    this.out = undefined
    this.gathering = undefined
    this.closed.length = 0
    return batches.flatMap((batch) => {
      this.options.onReleased(batch.records.length, batch.bytes)
      return batch.records.map((record, at) => ({
        record,
        bytes: batch.sizes[at] as number,
        completion: batch.completions[at] as Completion,
      }))
    })
  }

  private closeBatch(reason: FlushReason): void {
    const batch = this.gathering
    if (batch === undefined) return
    this.cancelLinger?.()
    this.cancelLinger = undefined
    this.flushReason = undefined
    this.gathering = undefined
    this.closed.push(batch)
    this.options.onFlush(reason, batch.records.length)
  }

  /** Sends the next batch if none is out, or waits until the gathering one is due. */
  private pump(): void {
    if (this.out !== undefined) return
    if (this.closed.length === 0 && this.gathering !== undefined) this.closeWhenDue(this.gathering)
    const next = this.closed.shift()
    if (next !== undefined) this.send(next)
  }

  private closeWhenDue(batch: Batch<T>): void {
    const { clock, limits } = this.options
    const waitMs = batch.startedAtMs + limits.lingerMs - clock.now()
    if (this.flushReason !== undefined) this.closeBatch(this.flushReason)
    else if (waitMs <= 0) this.closeBatch('linger')
    else this.cancelLinger ??= clock.after(waitMs, () => this.options.onLingerOver())
  }

  private send(batch: Batch<T>): void {
    this.out = batch
    this.options.write(batch.records).then(
      () => this.onStored(batch),
      (error: unknown) => this.onFailed(batch, asPipelineError(error, 'WRITE_FAILED')),
    )
  }

  private onStored(batch: Batch<T>): void {
    if (this.abandoned) return
    this.out = undefined
    this.endOfProblem()
    this.grow()
    this.options.onReleased(batch.records.length, batch.bytes)
    for (const completion of batch.completions) completion.stored()
    this.pump()
  }

  private onFailed(batch: Batch<T>, error: PipelineError): void {
    if (this.abandoned) return
    const refusal = this.options.refusalOf(error)
    if (refusal === undefined) {
      this.attempts++
      this.options.onProblem(error)
      const { clock, backoff } = this.options
      const waitMs = backoffMs(this.attempts, backoff, clock.random())
      this.cancelRetry = clock.after(waitMs, () => this.send(batch))
      return
    }
    this.out = undefined
    this.endOfProblem()
    if (refusal === 'all' || batch.records.length === 1) {
      this.fail(batch, error)
    } else {
      if (refusal === 'size') this.shrink(batch)
      this.closed.unshift(...halves(batch))
    }
    this.pump()
  }

  /** A partition that takes less than our limit: smaller batches from now on. */
  private shrink(batch: Batch<T>): void {
    this.maxBytes = Math.max(1, Math.ceil(Math.min(this.maxBytes, batch.bytes) / 2))
    this.takenBatches = 0
    this.batchesBeforeGrowth = BATCHES_BEFORE_GROWTH
  }

  /** The partition's limit may have been raised. */
  private grow(): void {
    const { maxBytes } = this.options.limits
    if (this.maxBytes >= maxBytes || ++this.takenBatches < this.batchesBeforeGrowth) return
    this.maxBytes = Math.min(maxBytes, this.maxBytes * 2)
    this.takenBatches = 0
    this.batchesBeforeGrowth = BATCHES_BEFORE_MORE_GROWTH
  }

  private endOfProblem(): void {
    if (this.attempts > 0) this.options.onProblem(undefined)
    this.attempts = 0
  }

  private fail(batch: Batch<T>, error: PipelineError): void {
    this.options.onReleased(batch.records.length, batch.bytes)
    for (const completion of batch.completions) completion.failed(error)
  }
}

function newBatch<T>(startedAtMs: number): Batch<T> {
  return { records: [], sizes: [], completions: [], startedAtMs, bytes: 0 }
}

function halves<T>(batch: Batch<T>): Batch<T>[] {
  const middle = batch.records.length >> 1
  return [part(batch, 0, middle), part(batch, middle, batch.records.length)]
}

function part<T>(batch: Batch<T>, start: number, end: number): Batch<T> {
  const sizes = batch.sizes.slice(start, end)
  return {
    records: batch.records.slice(start, end),
    sizes,
    completions: batch.completions.slice(start, end),
    startedAtMs: batch.startedAtMs,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  }
}
