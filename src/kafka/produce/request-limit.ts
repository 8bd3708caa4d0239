/**
 * What can never fit into one request. Kafka closes the connection, without a word why, when a request is larger than
 * the broker's `socket.request.max.bytes`; a client that tries again keeps all that waits after it from being written.
 * So sizes are compared before anything is sent.
 */
import { shownNumber } from '../../status/shown-number'
import { PipelineError } from '../../wire/errors'
import type { HeaderText } from '../../wire/message'
import type { KafkaRecord } from '../driver'
import { phrase } from '../../status/phrase'

/** What a record costs on the wire besides key, value and headers, about. */
export const RECORD_OVERHEAD_BYTES = 24
/** Kafka's default of `socket.request.max.bytes`: for brokers that do not tell theirs. */
export const DEFAULT_REQUEST_BYTES = 104_857_600
/** What a request has besides its records. */
const ENVELOPE_BYTES = 65_536
/** Smaller ones fit into every broker that runs: there is no need to know its limit. */
export const ALWAYS_FITS_BYTES = 1_000_000

/** What the records take in a request, about; before compression, of which the gain is not known. */
export function sizeOf(records: readonly KafkaRecord[]): number {
  let bytes = 0
  for (const { key, value, headers } of records) {
    bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + headerBytes(headers)
  }
  return bytes
}

/** About: a character is counted as one byte. */
export function headerBytes(headers: KafkaRecord['headers']): number {
  let bytes = 0
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) bytes += name.length + valueBytes(value) + 2
  }
  return bytes
}

function valueBytes(value: HeaderText | readonly HeaderText[]): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length
  return value.reduce((sum, each) => sum + each.length, 0)
}

/** @param limit of the broker for a request, in bytes */
export function tooLargeFor(limit: number, bytes: number, doing: string): PipelineError | undefined {
  if (bytes + ENVELOPE_BYTES <= limit) return undefined
  return new PipelineError(
    'KAFKA_RECORD_TOO_LARGE',
    `${doing}: ${shownNumber(bytes)} bytes before compression, and a request has ${shownNumber(limit)} at ` +
      "most (the broker's socket.request.max.bytes): send less",
    { retryable: false, status: phrase('kafka', { problem: phrase('kafkaRecordTooLarge') }) },
  )
}
