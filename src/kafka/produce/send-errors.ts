/** What an error of a send means for its records and its topic, and the errors of the producer itself. */
import type { Refusal } from '../../batching/lane'
import { PipelineError } from '../../wire/errors'
import type { KafkaRecord } from '../driver'
import { kafkaClosed } from '../error-verdicts'
import { phrase } from '../../status/phrase'

/** Which records of a batch the error belongs to; `undefined`: to none, and the batch is sent again. */
export function refusalOf({ code, retryable }: PipelineError): Refusal | undefined {
  // With the time that is right by then, the record is another one: its source sends it again.
  if (code === 'KAFKA_CLOCK') return 'all'
  if (retryable) return undefined
  if (code === 'KAFKA_RECORD_TOO_LARGE') return 'size'
  return code === 'KAFKA_INVALID_RECORD' || code === 'KAFKA_INVALID_TIME' ? 'record' : 'all'
}

/** The flow did not choose the refused time: a wrong clock must not make dead letters of good records. */
export function isTimeOfClock(error: unknown, records: readonly KafkaRecord[]): error is PipelineError {
  return hasCode(error, /^KAFKA_INVALID_TIME$/) && !records.some(({ hasOwnTime }) => hasOwnTime === true)
}

/** The broker refuses the records; a setting of the topic may be the cause. */
export function isRefusal(error: unknown): error is PipelineError {
  return hasCode(error, /^KAFKA_INVALID_(RECORD|TIME)$/)
}

/** The partition may have been removed. */
export function mayBeGone(error: unknown): boolean {
  return hasCode(error, /^KAFKA_(NO_LEADER|STALE_METADATA)$/)
}

export function isUnknownTopic(error: unknown): error is PipelineError {
  return hasCode(error, /^KAFKA_UNKNOWN_TOPIC$/)
}

function hasCode(error: unknown, code: RegExp): error is PipelineError {
  return error instanceof PipelineError && code.test(error.code)
}

export function wrongClock(cause: PipelineError): PipelineError {
  return new PipelineError(
    'KAFKA_CLOCK',
    `Kafka refuses the time at which messages arrived here (${cause.message}). Set the clock of this machine, or of the ` +
      "broker, or widen the topic's limit. The messages are kept, and sent again",
    { retryable: true, status: phrase('kafka', { problem: phrase('checkClock') }), cause },
  )
}

export function bufferFull(heldRecords: number): PipelineError {
  return new PipelineError(
    'KAFKA_BUFFER_FULL',
    `the producer holds ${heldRecords} records that Kafka has not stored yet, and takes no more`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaBufferFull') }) },
  )
}

export function producerClosed(): PipelineError {
  return kafkaClosed('the producer was closed before Kafka had stored the record')
}

export function noSuchPartition(topic: string, partition: number, partitions: number): PipelineError {
  return new PipelineError(
    'KAFKA_INVALID_PARTITION',
    `msg.kafka.partition is ${partition}, and topic ${topic} has ${partitions}`,
    { retryable: false, status: 'invalidPartition' },
  )
}
