/**
 * Emits what a source has received until it is settled: again after a transient failure, to the second output
 * ("failed messages") after a permanent one, and held when nothing is wired to it. An emission is in one of these
 * places until the end, and `size` counts them all:
 *
 *   waiting   the gate is closed (a deploy is under way, or the source is paused); sent in the order of arrival when it opens
 *   out       a delivery is open
 *   retrying  failed, transient; sent again after a back-off
 *   held      failed for good and not stored anywhere: never acknowledged, looked at again after each deploy
 *
 * Only a sink of ours settles a failed message: a Debug node on the second output would turn every error into an
 * acknowledged loss.
 */
import { randomBytes } from 'node:crypto'
import { backoffMs } from '../time/backoff'
import { phrase } from '../status/phrase'
import { PipelineError } from '../wire/errors'
import type { Settlement } from './delivery'
import { Account } from './account'
import { drain } from './drain'
import type { Message } from '../wire/message'
import type { DeliveryTracker } from './tracker'

/** The outputs of a source. */
export const MESSAGES = 0
export const FAILED_MESSAGES = 1

const BACKOFF = { initialMs: 250, maxMs: 30_000 }
/** What is due within this time goes out together, in the order of arrival. */
const SENT_TOGETHER_MS = 100
/** No attempt may stall for longer, however many have stalled before. */
const LONGEST_TIMEOUT_MS = 86_400_000

/** The choices of a source's option; the first is the default. */
export const WHEN_FILTERED = ['acknowledge', 'fail'] as const
export type WhenFiltered = (typeof WHEN_FILTERED)[number]

export interface RedeliveryOptions<T> {
  readonly tracker: DeliveryTracker
  readonly gateOpen: () => boolean
  readonly sourceId: string
  readonly deliveryTimeoutMs: number
  /** After this many attempts a transient failure counts as permanent; 0: never. */
  readonly maxAttempts: number
  readonly send: (output: number, message: Message) => void
  readonly isWired: (output: number) => boolean
  /** A fresh message of that content; `error` is set for the second output. */
  readonly compose: (content: T, error: PipelineError | undefined) => Message
  /** How many records a content has. */
  readonly sizeOf: (content: T) => number
  /** Parts that can be emitted on their own, when the whole failed for good; fewer than two: none. */
  readonly split: (content: T) => readonly T[]
  /**
   * What is left of a content when those of its records are stored, by their place in it, which are done with.
   * Without it the whole is sent again.
   */
  readonly without?: (content: T, stored: ReadonlySet<number>) => T
  /** The parts go out one after the other, each when the one before is settled. */
  readonly partsInOrder?: boolean
  readonly onSettled: (content: T) => void
  /** What a message is that the flow has ended on purpose: settled, or failed for good. */
  readonly whenFiltered: WhenFiltered
  /** The flow has ended this on purpose, and that settles it. */
  readonly onFiltered: (content: T) => void
  /** False: the content is not sent again, because it has another owner by now. Default: always wanted. */
  readonly isWanted?: (content: T) => boolean
  /** Called instead of `onSettled` for what was not wanted any more. */
  readonly onDropped?: (content: T) => void
}

interface Emission<T> {
  /** Without the records that an earlier attempt has stored. */
  content: T
  /** Parts that go out when this one is settled. */
  readonly rest: readonly T[]
  readonly order: number
  attempts: number
  /** Attempts in which no node moved it for the timeout. */
  stalls: number
  /** Set when it failed for good. */
  failure: PipelineError | undefined
  lastError: PipelineError | undefined
}

export class Redelivery<T> {
  readonly account = new Account()
  private readonly idPrefix = randomBytes(6).toString('hex')
  private ids = 0
  private orders = 0
  private waiting: Emission<T>[] = []
  private retrying: { readonly emission: Emission<T>; readonly dueMs: number }[] = []
  private held: Emission<T>[] = []
  private timer: NodeJS.Timeout | undefined
  /** When the timer sends; `Infinity`: there is none. */
  private timerMs = Infinity
  private outCount = 0
  private closed = false

  constructor(private readonly options: RedeliveryOptions<T>) {}

  /** Emissions that are not settled. */
  get size(): number {
    return this.outCount + this.waiting.length + this.retrying.length + this.held.length
  }

  /** Emissions that failed for good and are stored nowhere. */
  get heldCount(): number {
    return this.held.length
  }

  /** The error of the latest emission that is waiting to be sent again, or held. */
  get problem(): PipelineError | undefined {
    const held = this.held.at(-1)?.lastError
    if (held === undefined) return this.retrying.at(-1)?.emission.lastError
    return withCure(held, this.options.isWired(FAILED_MESSAGES))
  }

  emit(content: T): void {
    this.account.enter(this.options.sizeOf(content))
    this.place(fresh(content, [], this.orders++))
  }

  /** A deploy has finished, or a paused source resumes: sends what waits, in the order of arrival, and tries what is held again. */
  gateOpened(): void {
    this.waiting.push(...this.held.splice(0))
    this.sendWaiting()
  }

  /** Drops what waits for another attempt and is not wanted any more. */
  dropUnwanted(): void {
    const emissions = [...this.waiting, ...this.retrying.map(({ emission }) => emission), ...this.held]
    const unwanted = new Set(emissions.filter(({ content }) => !this.isWanted(content)))
    if (unwanted.size === 0) return
    this.waiting = this.waiting.filter((emission) => !unwanted.has(emission))
    this.retrying = this.retrying.filter(({ emission }) => !unwanted.has(emission))
    this.held = this.held.filter((emission) => !unwanted.has(emission))
    for (const emission of unwanted) this.drop(emission)
  }

  /**
   * Waits until what sinks hold is settled, at most so long, and then forgets the rest: its broker delivers it
   * again.
   */
  async close(budgetMs: number): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    const { tracker, sourceId } = this.options
    await drain(tracker, sourceId, budgetMs)
    tracker.abandon(sourceId)
  }

  private place(emission: Emission<T>): void {
    if (this.options.gateOpen() && this.waiting.length === 0 && !this.closed) this.send(emission)
    else this.waiting.push(emission)
  }

  private sendWaiting(): void {
    if (this.closed || !this.options.gateOpen()) return
    const emissions = this.waiting.splice(0).sort((a, b) => a.order - b.order)
    for (const emission of emissions) this.send(emission)
  }

  private isWanted(content: T): boolean {
    return this.options.isWanted?.(content) ?? true
  }

  private send(emission: Emission<T>): void {
    if (!this.isWanted(emission.content)) return this.drop(emission)
    const { tracker, sourceId, compose, send, isWired } = this.options
    const output = emission.failure === undefined ? MESSAGES : FAILED_MESSAGES
    if (!isWired(output)) {
      this.held.push(emission)
      return
    }
    this.outCount++
    tracker.emit({
      id: `${this.idPrefix}${(this.ids++).toString(36)}`,
      nodeId: sourceId,
      timeoutMs: this.timeoutOf(emission),
      compose: () => compose(emission.content, emission.failure),
      send: (message) => send(output, message),
      onSettled: (settlement) => this.settled(emission, settlement),
    })
  }

  /**
   * Each attempt that has stalled doubles it: a queue in the flow that is longer than the timeout would otherwise
   * fill up with second copies, faster than it empties.
   */
  private timeoutOf({ stalls }: Emission<T>): number {
    const { deliveryTimeoutMs } = this.options
    return Math.max(deliveryTimeoutMs, Math.min(deliveryTimeoutMs * 2 ** stalls, LONGEST_TIMEOUT_MS))
  }

  private settled(
    emission: Emission<T>,
    { outcome, error, stored, isLeftOut, deadLetters = 0 }: Settlement,
  ): void {
    this.outCount--
    if (stored !== undefined) this.takeStored(emission, stored, deadLetters)
    if (outcome === 'failed' && error !== undefined) {
      this.failed(emission, error, isLeftOut)
    } else if (outcome === 'filtered') {
      this.filtered(emission)
    } else {
      const records = this.options.sizeOf(emission.content)
      // Only a sink of dead letters, or one that the user has put in its place, stores what has failed for good.
      this.account.deliver(records, emission.failure === undefined ? deadLetters : records)
      this.finish(emission)
    }
  }

  private takeStored(emission: Emission<T>, stored: ReadonlySet<number>, deadLetters: number): void {
    const { without, sizeOf } = this.options
    if (without === undefined) return
    const before = sizeOf(emission.content)
    emission.content = without(emission.content, stored)
    this.account.deliver(before - sizeOf(emission.content), deadLetters)
  }

  /** Its parts that wait go with it. */
  private drop({ content, rest }: Emission<T>): void {
    const { sizeOf, onDropped } = this.options
    this.account.handBack([content, ...rest].reduce((sum, part) => sum + sizeOf(part), 0))
    onDropped?.(content)
  }

  private filtered(emission: Emission<T>): void {
    if (emission.failure !== undefined) {
      this.held.push(emission)
    } else if (this.options.whenFiltered === 'fail') {
      this.failed(emission, endedByFlow())
    } else {
      this.account.filter(this.options.sizeOf(emission.content))
      this.options.onFiltered(emission.content)
      this.finish(emission)
    }
  }

  private finish({ content, rest, order }: Emission<T>): void {
    this.options.onSettled(content)
    const [next, ...others] = rest
    if (next !== undefined) this.place(fresh(next, others, order))
  }

  private failed(emission: Emission<T>, error: PipelineError, isLeftOut = false): void {
    const { maxAttempts, split, partsInOrder } = this.options
    this.account.errors.add(error.code)
    if (!this.isWanted(emission.content)) return this.drop(emission)
    emission.attempts++
    emission.lastError = error
    if (error.code === 'DELIVERY_STALLED') emission.stalls++
    const outOfAttempts = maxAttempts > 0 && emission.attempts >= maxAttempts
    if (emission.failure !== undefined || (error.retryable && !outOfAttempts)) {
      this.sendAgain(emission, error)
      return
    }
    const parts = isLeftOut ? [] : split(emission.content)
    const [first, ...others] = parts
    if (first !== undefined && others.length > 0) {
      const { rest, order } = emission
      if (partsInOrder === true) this.place(fresh(first, [...others, ...rest], order))
      else for (const content of parts) this.place({ ...emission, content, attempts: 0 })
    } else {
      emission.failure = error
      emission.attempts = 0
      this.place(emission)
    }
  }

  private sendAgain(emission: Emission<T>, error: PipelineError): void {
    this.account.redeliveries++
    // What a deploy has lost goes out again before anything newer, so that the order is kept.
    if (!this.options.gateOpen() || this.closed) {
      this.waiting.push(emission)
    } else if (error.code === 'FLOW_CHANGED' && emission.attempts === 1) {
      if (this.waiting.push(emission) === 1) setImmediate(() => this.sendWaiting())
    } else {
      // No jitter: what failed together goes out together, in its order.
      const dueMs = performance.now() + backoffMs(emission.attempts, BACKOFF, 1)
      this.retrying.push({ emission, dueMs })
      this.schedule(dueMs)
    }
  }

  /** Sets the timer forward, never back: the earliest is not looked for among all that wait. */
  private schedule(dueMs: number): void {
    if (dueMs >= this.timerMs || this.closed) return
    clearTimeout(this.timer)
    this.timerMs = dueMs
    this.timer = setTimeout(() => this.sendDue(), Math.max(0, dueMs - performance.now()))
  }

  private sendDue(): void {
    this.timerMs = Infinity
    const now = performance.now() + SENT_TOGETHER_MS
    const due: Emission<T>[] = []
    const later: typeof this.retrying = []
    let nextMs = Infinity
    for (const retry of this.retrying) {
      if (retry.dueMs <= now) {
        due.push(retry.emission)
      } else {
        later.push(retry)
        nextMs = Math.min(nextMs, retry.dueMs)
      }
    }
    this.retrying = later
    this.schedule(nextMs)
    for (const emission of due.sort((a, b) => a.order - b.order)) this.place(emission)
  }
}

/** Why something is held, and what a person has to do: it stays until then, and enough of it stops the source. */
function withCure(error: PipelineError, isWired: boolean): PipelineError {
  const [cure, status] = isWired
    ? ([
        'no sink after the second output has stored it: add a tenant dead letter there',
        'storeAfterSecond',
      ] as const)
    : (['nothing is wired to the second output: wire it to a tenant dead letter', 'wireSecond'] as const)
  return new PipelineError(error.code, `${error.message}. It is held, because ${cure}, and deploy`, {
    retryable: error.retryable,
    status: phrase(status, { problem: error.status }),
    cause: error,
  })
}

function endedByFlow(): PipelineError {
  return new PipelineError(
    'FLOW_ENDED',
    'the flow has ended this message before any sink had it, and the source is set to take that for a failure',
    { retryable: false, status: 'flowEndedMessage' },
  )
}

function fresh<T>(content: T, rest: readonly T[], order: number): Emission<T> {
  return { content, rest, order, attempts: 0, stalls: 0, failure: undefined, lastError: undefined }
}
