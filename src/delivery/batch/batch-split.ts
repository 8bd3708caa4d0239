/**
 * Makes a message of each record of a batch, for nodes that look at one message. All of them are copies of the batch's
 * delivery, so the source follows each; a failure that the batch carries is shared among them.
 */
import {
  copyOf,
  isBatch,
  isRecord,
  type Message,
  type MessageError,
  type WireRecord,
} from '../../wire/message'
import type { PipelineError } from '../../wire/errors'
import type { Delivery } from '../delivery'
import { carriedFailure, shareFailure } from '../failures'
import { copyLink, linkFailure } from '../message-link'
import { numberOf, partId, requireList } from '../record-number'
import { failRecords, notRecord } from '../sinks/rejected-message'
import type { DeliveryTracker } from '../tracker'
import { headOf, sharedProperties } from './batch-head'
import type { BatchNotes } from './batch-notes'

export interface BatchSplitOptions {
  readonly tracker: DeliveryTracker
  readonly nodeId: string
  /** A copy that shares nothing with the original, as Node-RED makes it for each wire. */
  readonly clone: (message: Message) => Message
  readonly describe: (error: PipelineError) => MessageError
  readonly notes: Pick<BatchNotes, 'notePassed' | 'noteUnbatched'>
}

export class BatchSplit {
  readonly waiting = 0

  constructor(private readonly options: BatchSplitOptions) {}

  /** @throws PipelineError, not retryable: the batch has lost its list */
  receive(message: Message, send: (message: Message) => void, done: (error?: Error) => void): void {
    const { tracker, notes } = this.options
    const delivery = tracker.find(message)
    // Another attempt is under way.
    if (delivery?.settled === 'failed') return done()
    requireList(message, delivery?.size ?? 0)
    if (!isBatch(message)) {
      notes.noteUnbatched()
      send(message)
      return done()
    }
    const records = message.payload.filter(isRecord)
    notes.notePassed(records.length)
    // One by one: of several in one call Node-RED would clone all but the first.
    for (const part of this.partsOf(message, records, delivery)) send(part)
    this.failOthers(message, done)
  }

  close(): void {
    // It keeps nothing.
  }

  private partsOf(batch: Message, records: readonly WireRecord[], delivery: Delivery | undefined): Message[] {
    const { clone } = this.options
    const head = headOf(batch)
    const shared = sharedProperties(head)
    const hasShared = Object.keys(shared).length > 0
    const isOfBatch = delivery !== undefined && delivery.size > 0
    if (isOfBatch) delivery.head = head
    const parts = records.map((record) => {
      const part = copyOf(hasShared ? { ...clone(shared), ...record } : record) as Message
      copyLink(batch, part)
      const number = numberOf(record)
      if (isOfBatch && number !== undefined) part._msgid = partId(delivery.id, number)
      return part
    })
    const carried = delivery && carriedFailure(delivery, batch)
    if (carried === undefined) return parts
    const shares = shareFailure(delivery as Delivery, carried, records.map(numberOf))
    for (const [index, part] of parts.entries()) linkFailure(part, shares[index])
    return parts
  }

  /** Elements that are no records fail, and with them the batch, which then holds only them. */
  private failOthers(batch: Message & { payload: WireRecord[] }, done: (error?: Error) => void): void {
    const others = batch.payload.filter((element) => !isRecord(element))
    if (others.length === 0) return done()
    const error = notRecord()
    failRecords(
      this.options,
      batch,
      others.map((record) => ({ record, error })),
      error,
    )
    done(error)
  }
}
