/**
 * What the source knew of a message that has been a dead letter before: how often, and which one it is. A Function
 * node that returns a new object loses that with everything else, and the record would begin again with its first
 * attempt, indefinitely. So the delivery remembers it, because a delivery is found again by the `_msgid` alone, and
 * the sink that stores the message puts back what is missing.
 *
 * It only ever adds: a record that says of itself that it has failed more often is believed.
 */
import {
  type DeadLetterFields,
  isBatch,
  isRecord,
  type Message,
  recordsOf,
  type WireRecord,
} from '../wire/message'
import { HEADER } from '../record/header-names'
import { attemptsOf, replayedLetterOf } from '../record/replayed'

export interface Origin {
  /** Set when the message is one letter of a `tenant-dead-letter-source`. */
  readonly deadLetter: DeadLetterFields | undefined
  /** The largest number among its records. */
  readonly mostAttempts: number
  /** The number of each record that has a place in Kafka, by its offset: a delivery has records of one partition. */
  readonly attemptsByOffset: ReadonlyMap<unknown, number>
}

/** `undefined`, at next to no cost, when no record of the message has been a dead letter. */
export function originOf(message: Message): Origin | undefined {
  const records = recordsOf(message).filter(isRecord)
  const mostAttempts = records.reduce((most, record) => Math.max(most, attemptsOf(record)), 0)
  if (mostAttempts === 0) return undefined
  const attemptsByOffset = new Map<unknown, number>()
  for (const record of records) {
    if (record.kafka?.offset !== undefined) attemptsByOffset.set(record.kafka.offset, attemptsOf(record))
  }
  return { deadLetter: replayedLetterOf(message as WireRecord), mostAttempts, attemptsByOffset }
}

/**
 * How often a record of this delivery has become a dead letter.
 *
 * One of a batch that has lost its offset could be any of them, and gets the number of the one that has failed most
 * often. That may end it an attempt too early, which leaves it where dead letters are kept; too small a number
 * would let it go round indefinitely.
 */
export function attemptsWith(origin: Origin | undefined, record: WireRecord): number {
  if (origin === undefined) return attemptsOf(record)
  const { attemptsByOffset, mostAttempts } = origin
  return Math.max(attemptsOf(record), attemptsByOffset.get(record.kafka?.offset) ?? mostAttempts)
}

/** The message with what it has lost; itself when nothing is missing. */
export function withOrigin(message: Message, origin: Origin | undefined): Message {
  if (origin === undefined) return message
  const whole = isBatch(message)
    ? { ...message, payload: message.payload.map((record) => withAttempts(record, origin)) }
    : (withAttempts(message as WireRecord, origin) as Message)
  const { deadLetter } = origin
  if (deadLetter === undefined || replayedLetterOf(whole as WireRecord) !== undefined) return whole
  return { ...whole, deadLetter }
}

/** In the header, as a consumer would have read it: it is there that every way out looks for it. */
function withAttempts(record: WireRecord, origin: Origin): WireRecord {
  // An element that is no record is left to the sink, which refuses it.
  if (!isRecord(record)) return record
  const attempts = attemptsWith(origin, record)
  if (attemptsOf(record) >= attempts) return record
  const headers = { ...record.kafka?.headers, [HEADER.deadLetterAttempts]: String(attempts) }
  return { ...record, kafka: { ...record.kafka, headers } }
}
