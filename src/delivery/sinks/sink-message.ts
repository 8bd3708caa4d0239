/**
 * A message that a sink is storing, record by record. When the last record is stored, rejected or failed, it tells
 * the delivery and the runtime, in this order: confirm, then done.
 *
 * A record that can never be stored leaves by the sink's output for rejected records, if that is wired. Without a wire
 * it fails, and with it the message, which then holds only what has failed.
 */
import type { Completion } from '../../batching/lane'
import { asPipelineError, type PipelineError } from '../../wire/errors'
import { isBatch, isRecord, type Message, type WireRecord } from '../../wire/message'
import { receive, type Receipt } from './receipt'
import { notRecord, rejectedMessage, type FailedRecord, type Rejecter } from './rejected-message'

/** The node around the sink. */
export interface SinkHost extends Rejecter {
  /** Whether the output for rejected records leads anywhere. */
  readonly isWired: () => boolean
  /** A message has come back after its delivery was settled. */
  readonly onLate: () => void
  /** The sink was closed before it could store these records; the source of their message sends them again. */
  readonly onHandedBack?: (records: number) => void
  /** A record was rejected. */
  readonly onRejected: (error: PipelineError, tenant: unknown) => void
}

export type Send = (message: Message) => void
export type Done = (error?: PipelineError) => void

/** Stores one record and says how it ended. */
export type Write = (record: WireRecord, completion: Completion) => void

/** Takes a message into work. Throws only for a message that cannot be read as what it was, before anything is held. */
export function storeMessage(received: Message, host: SinkHost, write: Write, send: Send, done: Done): void {
  const receipt = receive(host.tracker, received)
  if (receipt === undefined) {
    done()
    return
  }
  if (receipt.isLate) host.onLate()
  const work = new SinkMessage(receipt, received, host, send, done)
  if (receipt.records.length === 0) work.finish()
  else if (!isBatch(receipt.message)) write(receipt.message as WireRecord, work)
  else for (const record of receipt.records) writeOne(record, work, write)
}

function writeOne(record: WireRecord, work: SinkMessage, write: Write): void {
  if (isRecord(record)) write(record, new BatchedRecord(record, work))
  else work.failedRecord(record, notRecord())
}

class SinkMessage implements Completion {
  private open: number
  /** Elements of the batch that are not stored. */
  private readonly unstored = new Set<unknown>()
  private readonly failedRecords: FailedRecord[] = []
  private failure: PipelineError | undefined

  constructor(
    private readonly receipt: Receipt,
    private readonly received: Message,
    private readonly host: SinkHost,
    private readonly send: Send,
    private readonly done: Done,
  ) {
    this.open = receipt.records.length
  }

  stored(): void {
    if (--this.open === 0) this.finish()
  }

  failed(error: PipelineError): void {
    this.failedRecord(this.receipt.message as WireRecord, error)
  }

  failedRecord(record: WireRecord, error: PipelineError): void {
    this.unstored.add(record)
    if (error.retryable || !this.host.isWired()) this.noteFailure(record, error)
    else this.tryToReject(record, error)
    if (--this.open === 0) this.finish()
  }

  finish(): void {
    const { receipt, unstored, failedRecords, failure, host } = this
    const { records } = receipt
    const stored = unstored.size === 0 ? records : records.filter((record) => !unstored.has(record))
    if (failure === undefined) {
      if (stored.length > 0) receipt.confirm(stored)
      else if (host.mayEnd && unstored.size > 0) receipt.letGo()
      else receipt.release()
    } else if (stored.length === 0 && failure.closing && receipt.handBack()) {
      host.onHandedBack?.(records.length)
      return
    } else {
      receipt.fail(host, failure, stored, failedRecords)
    }
    this.done(failure)
  }

  /** A failure that another attempt cannot help is the one to report. */
  private noteFailure(record: WireRecord, error: PipelineError): void {
    this.failedRecords.push({ record, error })
    if (this.failure === undefined || (this.failure.retryable && !error.retryable)) this.failure = error
  }

  private tryToReject(record: WireRecord, error: PipelineError): void {
    try {
      const rejected = rejectedMessage(this.host, this.received, record, error)
      this.host.onRejected(error, isRecord(record) ? record.tenant : undefined)
      this.send(rejected)
    } catch (thrown) {
      this.noteFailure(record, asPipelineError(thrown))
    }
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
