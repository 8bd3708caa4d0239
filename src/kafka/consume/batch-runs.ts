/**
 * The batches of a consumer on their way through the flow, each whole or record by record.
 *
 * A batch becomes a *run*, its parts enter the flow in order, and what the flow has settled is committed as
 * the contiguous prefix. A run ends when all of its parts are settled or dropped. It is revoked when the partition has
 * another owner, or begins again: nothing of it is sent again. It is abandoned when no message can be made of a part.
 */
import { OrderedRelease, type Slot } from '../../delivery/ordered-release'
import type { ConsumedPart } from './consumed-message'
import type { ConsumedBatch } from '../driver'
import { Window } from './window'
import type { TraceSpan } from '../../trace/traces'
import { batchSpan } from '../batch-span'
import { Distribution, SECONDS } from '../../watch/distribution'

/** A part of a batch in the flow. */
export interface Emitted extends ConsumedPart {
  readonly run: Run
}

/** One batch on its way through the flow. */
export interface Run {
  readonly batch: ConsumedBatch
  /** See `KafkaRange`. */
  readonly assignment: number | undefined
  readonly startedAtMs: number
  readonly trace: TraceSpan | undefined
  /** Nothing of it is sent again. */
  isRevoked: boolean
  /** Parts that are in the flow. */
  open: number
  /** No further part will be emitted. */
  isComplete: boolean
  readonly onPartSettled: (part: Emitted) => void
  readonly onFinished: () => void
}

export interface BatchRunsOptions {
  readonly mode: 'batch' | 'record'
  /** Records that may be in the flow at a time, when they go one by one. */
  readonly windowRecords: number
  /** Sends a part into the flow; throws when no message can be made of it. */
  readonly emit: (part: Emitted) => void
  /** Takes the parts of revoked runs out of the flow; `dropped` is called for each. */
  readonly dropRevoked: () => void
  readonly commit: (batch: ConsumedBatch, nextOffset: number, assignment: number | undefined) => void
  /** No further part enters the flow. */
  readonly isStopping: () => boolean
  /** Milliseconds, monotonic. */
  readonly now?: () => number
}

export class BatchRuns {
  private readonly runs = new Set<Run>()
  private readonly window: Window
  private readonly now: () => number
  /** Seconds in which the flow has settled a batch. */
  readonly durations = new Distribution(SECONDS)

  constructor(private readonly options: BatchRunsOptions) {
    this.window = new Window(options.windowRecords)
    this.now = options.now ?? (() => performance.now())
  }

  /** How long the oldest batch has been in the flow; 0 when there is none. */
  get oldestMs(): number {
    for (const { startedAtMs } of this.runs) return this.now() - startedAtMs
    return 0
  }

  /** Batches that have been in the flow for at least this long. */
  stalled(forMs: number): readonly ConsumedBatch[] {
    const until = this.now() - forMs
    return [...this.runs].filter(({ startedAtMs }) => startedAtMs <= until).map(({ batch }) => batch)
  }

  /** Resolves when the flow is done with the batch. Rejects when no message can be made of it. */
  pass(batch: ConsumedBatch, assignment: number | undefined): Promise<void> {
    return this.options.mode === 'batch'
      ? this.passWhole(batch, assignment)
      : this.passOneByOne(batch, assignment)
  }

  /** The flow has settled a part that was emitted. */
  settled(part: Emitted): void {
    part.run.onPartSettled(part)
  }

  /** A part was taken out of the flow. */
  dropped({ run }: Emitted): void {
    this.leave(run)
  }

  /** What is in the flow, of some partitions or of all, is not sent again. What sinks still finish they finish. */
  revoke(isMeant: (batch: ConsumedBatch) => boolean = () => true): void {
    for (const run of this.runs) if (isMeant(run.batch)) run.isRevoked = true
    this.options.dropRevoked()
  }

  private passWhole(batch: ConsumedBatch, assignment: number | undefined): Promise<void> {
    const { records, firstOffset, nextOffset } = batch
    return new Promise((onFinished) => {
      const onPartSettled = (part: Emitted): void => {
        this.commit(run, part.nextOffset)
        if (part.nextOffset === nextOffset) this.leave(run)
      }
      const run = this.begin({ batch, assignment, isComplete: true, onPartSettled, onFinished })
      this.enter({ run, records, firstOffset, nextOffset })
    })
  }

  private async passOneByOne(batch: ConsumedBatch, assignment: number | undefined): Promise<void> {
    const slots = new Map<number, Slot<number>>()
    const prefix = new OrderedRelease<number>((nextOffset) => this.commit(run, nextOffset))
    let onFinished: () => void = () => undefined
    const finished = new Promise<void>((resolve) => (onFinished = resolve))
    const onPartSettled = (part: Emitted): void => {
      prefix.finish(slots.get(part.nextOffset) as Slot<number>)
      this.leave(run)
    }
    const run = this.begin({ batch, assignment, isComplete: false, onPartSettled, onFinished })
    const { records } = batch
    let firstOffset = batch.firstOffset
    for (const [index, record] of records.entries()) {
      await this.window.take()
      if (run.isRevoked) {
        this.window.release()
        break
      }
      if (this.options.isStopping()) return finished
      const nextOffset = index === records.length - 1 ? batch.nextOffset : record.offset + 1
      slots.set(nextOffset, prefix.take(nextOffset))
      this.enter({ run, records: [record], firstOffset, nextOffset })
      firstOffset = nextOffset
    }
    run.isComplete = true
    this.finishWhenDone(run)
    return finished
  }

  /** Not for a batch that was abandoned: its partition may have been released since, also further back. */
  private commit(run: Run, nextOffset: number): void {
    if (this.runs.has(run)) this.options.commit(run.batch, nextOffset, run.assignment)
  }

  private begin(fields: Omit<Run, 'isRevoked' | 'open' | 'startedAtMs' | 'trace'>): Run {
    const { topic, partition, records } = fields.batch
    const trace = batchSpan('process', topic, partition, records)
    const run = { ...fields, startedAtMs: this.now(), trace, isRevoked: false, open: 0 }
    this.runs.add(run)
    return run
  }

  private enter(part: Emitted): void {
    part.run.open++
    try {
      this.options.emit(part)
    } catch (error) {
      this.abandon(part.run)
      throw error
    }
  }

  /** The batch ends here, so that the partition can be released. */
  private abandon(run: Run): void {
    run.isRevoked = true
    run.open--
    if (this.options.mode === 'record') this.window.release()
    this.runs.delete(run)
    run.trace?.end('no message could be made of it')
    this.options.dropRevoked()
  }

  /** A part that was entered is settled or dropped. */
  private leave(run: Run): void {
    run.open--
    if (this.options.mode === 'record') this.window.release()
    this.finishWhenDone(run)
  }

  private finishWhenDone(run: Run): void {
    if (run.open > 0 || !run.isComplete) return
    this.runs.delete(run)
    run.trace?.end(run.isRevoked ? 'handed back' : undefined)
    if (!run.isRevoked) this.durations.add((this.now() - run.startedAtMs) / 1000)
    run.onFinished()
  }
}
