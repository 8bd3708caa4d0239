/**
 * A message that a sink is storing, record by record. When the last record is stored, rejected or failed, it tells
 * the delivery and the runtime, in this order: confirm, then done.
 *
 * A record that can never be stored leaves by the sink's output for rejected records, if that is wired, and the
 * sink's part is over; its fate is then that of the rejected message. Without a wire the whole message fails.
 */
import type { Completion } from '../batching/lane'
import { asPipelineError, type PipelineError } from '../runtime/errors'
import { recordsOf, type MessageError, type WireRecord } from '../runtime/wire'
import type { Delivery } from './delivery'
import { copyLink, linkFailure, type Message } from './message-link'
import { withOrigin } from './origin'
import type { DeliveryTracker } from './tracker'

/** The node around the sink. */
export interface SinkHost {
  readonly tracker: DeliveryTracker
  /** Whether the output for rejected records leads anywhere. */
  readonly isWired: () => boolean
  /** `msg.error` for a rejected record. */
  readonly describe: (error: PipelineError) => MessageError
  /** A message has come back after its delivery was settled. */
  readonly onLate: () => void
  /** A record was rejected. */
  readonly onRejected: (error: PipelineError, tenant: unknown) => void
}

export type Send = (message: Message) => void
export type Done = (error?: PipelineError) => void

/** Stores one record and says how it ended. */
export type Write = (record: WireRecord, completion: Completion) => void

/** Takes a message into work. Never throws. */
export function storeMessage(received: Message, host: SinkHost, write: Write, send: Send, done: Done): void {
  const delivery = host.tracker.find(received)
  if (delivery?.settled === 'failed') {
    // Another attempt is under way.
    done()
    return
  }
  if (delivery?.settled !== undefined) host.onLate()
  const held = delivery?.settled === undefined ? delivery : undefined
  const message = withOrigin(received, delivery?.origin)
  const records = recordsOf(message)
  const work = new SinkMessage(message, records.length, held, host, send, done)
  if (records.length === 0) work.finish()
  else if (records[0] === message) write(records[0], work)
  else for (const record of records) write(record, new BatchedRecord(record, work))
}

class SinkMessage implements Completion {
  private storedRecords = 0
  private failure: PipelineError | undefined

  constructor(
    private readonly message: Message,
    private open: number,
    private readonly delivery: Delivery | undefined,
    private readonly host: SinkHost,
    private readonly send: Send,
    private readonly done: Done,
  ) {
    if (delivery !== undefined) host.tracker.hold(delivery)
  }

  stored(): void {
    this.storedRecords++
    if (--this.open === 0) this.finish()
  }

  failed(error: PipelineError): void {
    this.failedRecord(this.message as WireRecord, error)
  }

  failedRecord(record: WireRecord, error: PipelineError): void {
    if (error.retryable || !this.host.isWired()) this.noteFailure(error)
    else this.tryToReject(record, error)
    if (--this.open === 0) this.finish()
  }

  finish(): void {
    const { delivery, message, host, failure } = this
    if (delivery !== undefined) {
      if (failure === undefined && this.storedRecords > 0) host.tracker.confirm(delivery, message)
      else host.tracker.release(delivery)
    }
    this.done(failure)
  }

  /** A failure that another attempt cannot mend is the one to report. */
  private noteFailure(error: PipelineError): void {
    if (this.failure === undefined || (this.failure.retryable && !error.retryable)) this.failure = error
  }

  private tryToReject(record: WireRecord, error: PipelineError): void {
    try {
      this.reject(record, error)
    } catch (thrown) {
      this.noteFailure(asPipelineError(thrown))
    }
  }

  private reject(record: WireRecord, error: PipelineError): void {
    const rejected: Message = { ...record, error: this.host.describe(error) }
    copyLink(this.message, rejected)
    // Other records of the message may fail here: that this one is safe behind the output says nothing of them.
    linkFailure(rejected, undefined)
    this.host.onRejected(error, record.tenant)
    this.send(rejected)
  }
}

class BatchedRecord implements Completion {
  constructor(
    private readonly record: WireRecord,
    private readonly message: SinkMessage,
  ) {}

  stored(): void {
    this.message.stored()
  }

  failed(error: PipelineError): void {
    this.message.failedRecord(this.record, error)
  }
}
