/**
 * Sends rejected records to the flow and waits until a sink of ours has stored each of them: each is its own delivery, as
 * if this node were a source. Only then is the batch written without them, so that every record is a row or a dead letter
 * whenever the process ends. After a crash a rejected record may be sent twice.
 */
import { setMaxListeners } from 'node:events'
import { retryForEver } from '../../batching/retry'
import type { Settlement } from '../../delivery/delivery'
import type { Message } from '../../wire/message'
import type { DeliveryTracker } from '../../delivery/tracker'
import { endsBefore } from '../../time/deadline'
import { PipelineError } from '../../wire/errors'
import { errorOf, type Refuser } from '../dead-letters/dead-letters'
import type { RejectedRecord } from '../rows/rejected'

export interface RejectOutputOptions {
  readonly tracker: DeliveryTracker
  readonly refuser: Refuser
  /** A fresh message id. */
  readonly newId: () => string
  readonly send: (message: Message) => void
  readonly isWired: () => boolean
  /** A record that the flow has ended without storing it counts as safe. Otherwise a Debug node alone would lose it. */
  readonly mayEnd: boolean
  /** False during a deploy: nothing may be sent then. */
  readonly isGateOpen: () => boolean
  /** `problem` has changed. */
  readonly onChange: () => void
}

/** A rejected record whose delivery makes no progress for this long is sent again. */
const DELIVERY_TIMEOUT_MS = 60_000
const BACKOFF = { initialMs: 500, maxMs: 30_000 }

export class RejectOutput {
  private readonly closing = new AbortController()
  private readonly problems = new Map<RejectedRecord, PipelineError>()
  private atGate: (() => void)[] = []

  constructor(private readonly options: RejectOutputOptions) {
    // One listener for each batch and each record in progress.
    setMaxListeners(0, this.closing.signal)
  }

  /** Why a rejected record is not safe yet, although the flow has received it. */
  get problem(): PipelineError | undefined {
    const [first] = this.problems.values()
    return first
  }

  /**
   * Resolves when the flow has stored all of them, or has ended them and may do so.
   * @throws PipelineError, not retryable, when nothing is wired to the output; `SINK_CLOSED`
   */
  async deliver(rejected: readonly RejectedRecord[]): Promise<void> {
    const first = rejected[0]
    if (first !== undefined && !this.options.isWired()) throw notWired(rejected.length, first)
    const delivered = Promise.all(rejected.map((one) => this.deliverOne(one)))
    if (!(await endsBefore(delivered, this.closing.signal))) throw closed()
  }

  /** A deploy has finished. */
  gateOpened(): void {
    for (const pass of this.atGate.splice(0)) pass()
  }

  close(): void {
    this.closing.abort()
    this.options.tracker.abandon(this.options.refuser.id)
  }

  private async deliverOne(one: RejectedRecord): Promise<void> {
    const { signal } = this.closing
    await retryForEver(() => this.sendOnce(one), {
      signal,
      backoff: BACKOFF,
      onProblem: (problem) => {
        if (signal.aborted) return
        this.problems.set(one, problem)
        this.options.onChange()
      },
    })
    if (this.problems.delete(one)) this.options.onChange()
  }

  /** @throws PipelineError, retryable: the flow has not stored it */
  private async sendOnce(one: RejectedRecord): Promise<void> {
    if (!this.options.isGateOpen()) await new Promise<void>((resolve) => this.atGate.push(resolve))
    const problem = this.closing.signal.aborted ? closed() : this.problemOf(await this.emit(one))
    if (problem !== undefined) throw problem
  }

  private problemOf({ outcome, error }: Settlement): PipelineError | undefined {
    if (outcome === 'failed') return notTaken(error)
    return outcome === 'filtered' && !this.options.mayEnd ? notStored() : undefined
  }

  private emit({ record, reason }: RejectedRecord): Promise<Settlement> {
    const { tracker, refuser, newId, send } = this.options
    return new Promise((onSettled) =>
      tracker.emit({
        id: newId(),
        nodeId: refuser.id,
        timeoutMs: DELIVERY_TIMEOUT_MS,
        compose: () => ({ ...record, error: errorOf(reason, refuser) }),
        send,
        onSettled,
      }),
    )
  }
}

function notWired(count: number, { reason }: RejectedRecord): PipelineError {
  const text =
    `${count} records cannot be stored, and nothing is wired to the output for rejected records; wire it to a ` +
    `tenant dead letter, or let the sink keep them in a table. The first: ${reason.text}`
  return new PipelineError('REJECTED_UNWIRED', text, {
    retryable: false,
    status: 'wireRejected',
  })
}

function notTaken(cause: PipelineError | undefined): PipelineError {
  const text = `a rejected record could not be stored by the flow: ${cause?.message ?? 'no reason was given'}`
  return new PipelineError('REJECTED_NOT_TAKEN', text, {
    retryable: true,
    status: 'rejectedNotTaken',
  })
}

function notStored(): PipelineError {
  const text =
    'the flow has ended a rejected record, and no sink after the output has stored it, so it is sent again. Wire the ' +
    'output to a tenant dead letter, or choose "to the output, stored there or not"'
  return new PipelineError('REJECTED_NOT_STORED', text, {
    retryable: true,
    status: 'rejectedNotStored',
  })
}

function closed(): PipelineError {
  return new PipelineError('SINK_CLOSED', 'the node was closed before its rejected records were safe', {
    retryable: true,
    status: 'closed',
  })
}
