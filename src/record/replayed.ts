/**
 * Records that are sent into the flow again, after they have become dead letters. Whichever way they go, they carry
 * how often they have become one, so that a record which always fails does not come round indefinitely: in `deadLetter`
 * on a wire, in a header through Kafka.
 */
import type { DeadLetterFields, WireRecord } from '../wire/message'
import { HEADER } from './header-names'
import { mayHaveHeader } from './lazy-headers'

/** No record is tried this often; a larger number in a header is not ours. */
const MOST_ATTEMPTS = 1_000_000

/** Where a record comes from that a `tenant-dead-letter-source` has sent; `undefined` for any other. */
export function replayedLetterOf({ deadLetter }: WireRecord): DeadLetterFields | undefined {
  if (typeof deadLetter !== 'object' || deadLetter === null) return undefined
  const { id, source, attempts } = deadLetter as Partial<Record<keyof DeadLetterFields, unknown>>
  const isOurs = typeof id === 'string' && typeof source === 'string' && typeof attempts === 'number'
  return isOurs ? { id, source, attempts } : undefined
}

/** How often the record has become a dead letter so far. Nothing of its payload counts. */
export function attemptsOf(record: WireRecord): number {
  const inHeaders = mayHaveHeader(record, HEADER.deadLetterAttempts) ? attemptsIn(record.kafka?.headers) : 0
  return Math.max(inHeaders, countOf(replayedLetterOf(record)?.attempts))
}

/** The same, of the headers of a record in Kafka. */
export function attemptsIn(headers: Readonly<Record<string, unknown>> | null | undefined): number {
  const value: unknown = headers?.[HEADER.deadLetterAttempts]
  const first: unknown = Array.isArray(value) ? value[0] : value
  if (typeof first !== 'string' && !Buffer.isBuffer(first)) return 0
  const text = first.toString()
  return /^\d{1,7}$/.test(text) ? countOf(Number(text)) : 0
}

function countOf(value: number | undefined): number {
  return value !== undefined && Number.isSafeInteger(value) ? Math.min(Math.max(value, 0), MOST_ATTEMPTS) : 0
}
