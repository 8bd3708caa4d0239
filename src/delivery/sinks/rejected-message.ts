/** A record on its way out of an error output: at each node of this package, made here. */
import { PipelineError } from '../../wire/errors'
import {
  isBatch,
  isRecord,
  type Message,
  type MessageError,
  recordsOf,
  type WireRecord,
} from '../../wire/message'
import { copyLink, linkFailure } from '../message-link'
import { numbersOf } from '../record-number'
import type { DeliveryTracker } from '../tracker'

/** The choices of an error output, at each node that has one; the first is the default. */
export const ERROR_OUTPUT = ['output', 'outputUnstored'] as const

/** A record, or an element of a batch that is none, and why it is not stored. */
export interface FailedRecord {
  readonly record: unknown
  readonly error: PipelineError
}

/** The node that rejects. */
export interface Rejecter {
  readonly tracker: DeliveryTracker
  readonly nodeId: string
  /** `msg.error` of a rejected record. */
  readonly describe: (error: PipelineError) => MessageError
  /** What nothing stores behind the output is let go: chosen by name, `outputUnstored`. Otherwise it stays a failure. */
  readonly mayEnd: boolean
}

/**
 * The record as a message of its own, of the same delivery, with its error; an element that is no record, whole, as
 * its payload. The failure stays open until a sink has stored this message.
 */
export function rejectedMessage(
  { tracker, nodeId, describe, mayEnd }: Rejecter,
  from: Message,
  element: unknown,
  error: PipelineError,
): Message {
  const rejected: Message = {
    ...(isRecord(element) ? element : { payload: element }),
    error: describe(error),
  }
  copyLink(from, rejected)
  const delivery = tracker.find(from)
  // Otherwise what `from` has failed with before would end when the rejected record is stored.
  if (delivery === undefined || mayEnd) linkFailure(rejected, undefined)
  else {
    const numbers = numbersOf([element], recordsOf(from), delivery.size)
    linkFailure(rejected, tracker.openFailure(delivery, nodeId, error, from, numbers))
  }
  return rejected
}

/**
 * Fails some records of a batch: the message keeps them alone, each with its own error, and carries their failure;
 * `done(error)` follows. A message that is not a batch fails as it is.
 */
export function failRecords(
  { tracker, nodeId, describe }: Pick<Rejecter, 'tracker' | 'nodeId' | 'describe'>,
  message: Message,
  failed: readonly FailedRecord[],
  error: PipelineError,
): void {
  if (!isBatch(message)) return
  const delivery = tracker.find(message)
  const records = failed.map(({ record }) => record)
  const numbers = delivery && numbersOf(records, message.payload, delivery.size)
  try {
    const told = failed.map(({ record, error }) =>
      isRecord(record) ? { ...record, error: describe(error) } : record,
    )
    message.payload = told as WireRecord[]
    if (delivery !== undefined) {
      linkFailure(message, tracker.openFailure(delivery, nodeId, error, message, numbers))
    }
  } catch {
    // Another node has frozen it, or made it of getters that throw: then all of it fails.
  }
}

/** An element of a batch that is not a record: it has no place to go to, and no field to store. */
export function notRecord(): PipelineError {
  return new PipelineError(
    'RECORD_INVALID',
    'an element of the batch is not a record: each has to be an object with a payload of its own',
    { retryable: false, status: 'notRecord' },
  )
}
