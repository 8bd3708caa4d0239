/**
 * A message that a sink of this package has taken: the one place in which its delivery learns what has become of it.
 * The sink confirms or releases it, once, and then says done.
 *
 * What leaves by an error output is a failure that is still open, and only a sink that stores it closes it: a Debug
 * node, a Function node or nothing at all behind the output does not.
 */
import type { PipelineError } from '../../wire/errors'
import { type Message, recordsOf, type WireRecord } from '../../wire/message'
import type { Delivery } from '../delivery'
import { withOrigin } from '../origin'
import { requireList } from '../record-number'
import { failRecords, type FailedRecord, type Rejecter } from './rejected-message'
import type { DeliveryTracker } from '../tracker'

/**
 * A sink takes a message, and holds its delivery until it confirms or releases it.
 * @returns `undefined` when the delivery has failed meanwhile: another attempt is under way, and this copy is void
 * @throws PipelineError before anything is held, for a batch that has lost its list
 */
export function receive(tracker: DeliveryTracker, message: Message): Receipt | undefined {
  const delivery = tracker.find(message)
  if (delivery?.settled === 'failed') return undefined
  if (delivery !== undefined) requireList(message, delivery.size)
  return new Receipt(tracker, delivery, message)
}

export class Receipt {
  /** The message with what the flow has lost of its origin. */
  readonly message: Message
  /** What has to be stored; elements of a batch may be anything. */
  readonly records: readonly WireRecord[]
  /** Its delivery was over when it came: a node on the way has held it without saying so. */
  readonly isLate: boolean
  private readonly held: Delivery | undefined

  constructor(
    private readonly tracker: DeliveryTracker,
    readonly delivery: Delivery | undefined,
    private readonly received: Message,
  ) {
    this.message = withOrigin(received, delivery?.origin)
    this.records = recordsOf(this.message)
    this.isLate = delivery?.settled !== undefined
    this.held = this.isLate ? undefined : delivery
    if (this.held !== undefined) tracker.hold(this.held)
  }

  /** All of it is durable, or those records of its batch; what is not has been rejected. */
  confirm(stored: readonly unknown[] = this.records): void {
    const { held, tracker, received } = this
    if (held === undefined) return
    noteStored(held, stored)
    tracker.confirm(held, received)
  }

  /** Of what is confirmed next, this many records are stored as dead letters. */
  noteDeadLetters(count: number): void {
    if (this.held !== undefined) this.held.deadLetters += count
  }

  /** Gives it back unstored; the error follows by `done(error)`. */
  release(): void {
    if (this.held !== undefined) this.tracker.release(this.held)
  }

  /**
   * Gives it back unstored while a deploy closes the sink. No error and no done follow: what a closed node had is lost with it,
   * and after the deploy its source sends it again, before anything newer.
   * @returns false for a message that no source would send again
   */
  handBack(): boolean {
    if (this.held === undefined) return false
    this.release()
    return true
  }

  /** All of it has been let go, as the user has chosen by name. */
  letGo(): void {
    if (this.held !== undefined) this.tracker.letGo(this.held, this.received)
  }

  /**
   * Gives it back with some of its records stored. A batch keeps the others alone, so that a Catch node does not store
   * again what is durable; `done(error)` follows.
   */
  fail(
    by: Rejecter,
    error: PipelineError,
    stored: readonly unknown[],
    failed: readonly FailedRecord[],
  ): void {
    this.release()
    if (this.held !== undefined) noteStored(this.held, stored)
    failRecords(by, this.received, failed, error)
  }
}

function noteStored(delivery: Delivery, records: readonly unknown[]): void {
  if (delivery.size === 0 || records.length === 0) return
  delivery.stored ??= []
  delivery.stored.push(records)
}
