/** Why a partition stops, and why it cannot be released. */
import { PipelineError } from '../../wire/errors'
import type { OffsetRange, TopicPartition } from '../driver'
import { phrase } from '../../status/phrase'

/**
 * The error when a partition does not have the offset that is to be read next: retention has deleted records
 * that were never read, or the topic is not the one the position was taken from.
 */
export function outOfRange(
  { topic, partition }: TopicPartition,
  offset: number,
  { earliest, latest }: OffsetRange,
): PipelineError | undefined {
  if (offset >= earliest && offset <= latest) return undefined
  const what =
    offset < earliest
      ? `Kafka has deleted the offsets ${offset} to ${earliest - 1}: ${earliest - offset} records were never read`
      : `Kafka ends at ${latest}: the topic was created again, or has lost its end`
  return new PipelineError(
    'KAFKA_OFFSET_OUT_OF_RANGE',
    `Possible loss in ${topic} partition ${partition}: the next offset to read is ${offset}, but ${what}. ` +
      'The partition is stopped: say in the dialog of the consumer where to continue',
    { retryable: false, status: phrase('possibleLossIn', { partition: `${topic}/${partition}` }) },
  )
}

/** The error when the record before the next offset is not the one that was read there. */
export function otherTopic({ topic, partition }: TopicPartition, offset: number): PipelineError {
  return new PipelineError(
    'KAFKA_OFFSET_OUT_OF_RANGE',
    `Possible loss in ${topic} partition ${partition}: the next offset to read is ${offset}, but the record before it has ` +
      'another time than the one that was read there: the topic was created again. The partition is stopped: say in the ' +
      'dialog of the consumer where to continue',
    { retryable: false, status: phrase('possibleLossIn', { partition: `${topic}/${partition}` }) },
  )
}

/** The error when the records from an offset on are not as their producer wrote them, or cannot be opened. */
export function unreadableAt(
  { topic, partition }: TopicPartition,
  offset: number,
  reason: string,
): PipelineError {
  return new PipelineError(
    'KAFKA_UNREADABLE',
    `What Kafka has in ${topic} partition ${partition} from offset ${offset} on cannot be read: ${reason}. It was ` +
      'fetched several times. The partition is stopped, nothing is skipped. Repair the broker (another replica may be ' +
      'sound), then say in the dialog of the consumer where to continue: here, or after the damage',
    { retryable: false, status: phrase('cannotBeRead', { partition: `${topic}/${partition}` }) },
  )
}

/** The error when a partition cannot be released. */
export function notStopped({ topic, partition }: TopicPartition): PipelineError {
  return new PipelineError(
    'KAFKA_NOT_STOPPED',
    `${topic} partition ${partition} is not stopped in this consumer: it was released, or another member of the group ` +
      'has it now, or a batch of it is still in the flow. Look again',
    { retryable: false },
  )
}

/** The error when a partition is to continue at an offset that it does not have. */
export function noSuchOffset(
  { topic, partition }: TopicPartition,
  offset: number,
  { earliest, latest }: OffsetRange,
): PipelineError {
  return new PipelineError(
    'KAFKA_NO_SUCH_OFFSET',
    `${topic} partition ${partition} cannot continue at ${offset}: Kafka has the offsets ${earliest} to ${latest}`,
    { retryable: false },
  )
}
