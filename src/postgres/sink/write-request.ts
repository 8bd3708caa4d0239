/**
 * What a message asks the sink to write, and what makes that exactly once:
 *
 * exactly once by ledger:
 *  - a batch that has the consumer's range (`msg.kafka` with `firstOffset` and `nextOffset`) → COPY and ledger
 *  - records from Kafka without a range: refused, because later nothing could tell whether they were written
 *  - replayed dead letters: COPY, and noted in the dead letter's row (see `replay-marks.ts`)
 *  - records from elsewhere (inject, HTTP): COPY, confirmed when committed
 *
 * exactly once by key: everything goes through the staged writer, gathered across messages.
 *  - a record from Kafka with an empty key column is rejected: the database could not recognize its repetition
 */
import { PipelineError } from '../../wire/errors'
import {
  cameFromKafka,
  type DeadLetterFields,
  isBatch,
  isOffset,
  type KafkaRange,
  type Message,
  type OffsetGap,
  recordsOf,
  type WireRecord,
} from '../../wire/message'
import { asRecord } from '../rows/elements'
import { replayedLetterOf } from '../../record/replayed'
import type { PlainKey } from '../../status/phrase'

export type ExactlyOnce = 'ledger' | 'key'

export type WriteRequest =
  | { readonly way: 'range'; readonly range: KafkaRange; readonly records: readonly WireRecord[] }
  | {
      readonly way: 'records'
      readonly records: readonly WireRecord[]
      /** The dead letter that all of them come from. */
      readonly letter?: DeadLetterFields
    }

/** @throws PipelineError, not retryable: the flow and the sink's setting do not match */
export function writeRequestOf(message: Message, exactlyOnce: ExactlyOnce): WriteRequest {
  const records = recordsOf(message).map(asRecord)
  if (exactlyOnce === 'key') return { way: 'records', records }
  const range = rangeOf(message)
  if (range !== undefined) return { way: 'range', range, records }
  const letter = replayedLetterOf(message as WireRecord)
  // The flow has split one letter into a batch: its records are written together or not at all.
  if (letter !== undefined && isBatch(message)) {
    return { way: 'records', records: records.map((record) => ({ ...record, deadLetter: letter })), letter }
  }
  if (letter !== undefined) return { way: 'records', records, letter }
  if (!records.some((record) => cameFromKafka(record) && replayedLetterOf(record) === undefined)) {
    return { way: 'records', records }
  }
  throw refused(
    'RANGE_MISSING',
    'this message has records from Kafka and not the range of offsets they belong to, so the ledger cannot say ' +
      'whether they are stored; let the consumer emit batches and keep msg.kafka, join split batches by a tenant batch node, or choose "exactly once by key" in this sink',
    'chooseByKey',
  )
}

/** The range of a batch; a single record does not say which offsets were removed on the way. */
export function rangeOf(message: Message): KafkaRange | undefined {
  const range = message.kafka as Partial<Record<keyof KafkaRange, unknown>> | null | undefined
  if (!isBatch(message) || typeof range !== 'object' || range === null) return undefined
  const { clusterId, group, topic, partition, firstOffset, nextOffset, assignment, gaps } = range
  const complete =
    isName(clusterId) &&
    isName(group) &&
    isName(topic) &&
    isOffset(partition) &&
    partition <= LAST_PARTITION &&
    isOffset(firstOffset) &&
    isOffset(nextOffset) &&
    firstOffset <= nextOffset
  if (!complete) return undefined
  const known = {
    ...{ clusterId, group, topic, partition, firstOffset, nextOffset },
    ...(Array.isArray(gaps) && gaps.every(isGap) && { gaps }),
  }
  return isOffset(assignment) ? { ...known, assignment } : known
}

/** Kafka numbers partitions with 32 bits, as the ledger does. */
const LAST_PARTITION = 2 ** 31 - 1

/** PostgreSQL has no text with a NUL, and Kafka no name with one. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

function isGap(value: unknown): value is OffsetGap {
  const { from, to } = (value ?? {}) as Partial<Record<keyof OffsetGap, unknown>>
  return isOffset(from) && isOffset(to)
}

function refused(code: string, message: string, status: PlainKey): PipelineError {
  return new PipelineError(code, message, { retryable: false, status })
}
