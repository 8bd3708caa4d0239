/**
 * Where the consumer begins a partition that has just been assigned to it: at the smaller one of its own position in the
 * ledger, and the offset that the group has committed to Kafka. Both stand for what the flow has settled, all of its sinks.
 *
 *  - The consumer's position is in the database of the rows. After a fail-over to a standby that lacks the last commits
 *    it has gone back with them, and what is committed to Kafka would skip them.
 *  - Kafka's offset is the smaller one when the operator has set it back, and counts alone where no ledger is chosen.
 *
 * The positions of sinks only tell what is there already: beginning too early writes no row twice. They count where the
 * consumer has no position yet, because an older version has written the ledger. A ledger that cannot be read is waited
 * for; beginning elsewhere would be a guess.
 */
import { PipelineError } from '../../wire/errors'
import type { OffsetRange, StartAt, TopicPartition } from '../driver'

export interface GroupQuery {
  readonly clusterId: string
  /** The consumer group. */
  readonly group: string
}

export interface PositionQuery extends GroupQuery {
  readonly topic: string
  readonly partition: number
}

/** The positions of several sinks in one partition: for each of them the next offset that it still needs. */
export interface PositionSpan {
  readonly smallest: number
  readonly largest: number
}

/** Everything before the offset is settled. */
export interface SettledOffset extends TopicPartition {
  readonly offset: number
  /** Of the record before it, when there is one. */
  readonly lastTimestamp: number | undefined
}

export interface KnownPositions {
  /** The consumer's own position: everything before it is settled. */
  readonly settled: number | undefined
  /** Of the record before it, in milliseconds since 1970; `undefined` when it is not known. */
  readonly lastTimestamp?: number | undefined
  /** Of the sinks which are deployed now and have a position for this partition; `undefined` when none of them has. */
  readonly sinks: PositionSpan | undefined
}

/** The ledger, as far as a consumer needs it. All of it rejects while the database cannot be asked. */
export interface PositionStore {
  /** @param assignment the number that ranges of the partition have from now on; those with an earlier one are refused */
  positions(query: PositionQuery, assignment: number): Promise<KnownPositions>
  /** The consumer begins here, and has handed out nothing: gives it a position of its own, unless it has one. */
  begin(query: PositionQuery, offset: number): Promise<void>
  /** Everything before these offsets is settled: the consumer's own positions move there, never back. */
  settle(query: GroupQuery, settled: readonly SettledOffset[]): Promise<void>
  /**
   * Tells when the store has lost positions that it had confirmed (a fail-over to a standby that was behind): what is
   * read next must be asked for again.
   * @returns the function that ends it
   */
  onRewound(listener: (query: PositionQuery, problem: PipelineError) => void): () => void
  /**
   * Somebody has decided where a stopped partition goes on. The positions of the consumer and of the sinks which are
   * deployed now are set to this offset, unless they lie between it and the end: those records are written already. Behind the end all
   * positions of the group are, also of sinks that are not deployed now: they belong to records that are no more.
   * @param end the smallest end of the partition that was seen since it has stopped
   * @throws PipelineError while the database cannot be asked
   */
  release(query: PositionQuery, offset: number, end: number): Promise<void>
}

export interface StartPositionOptions {
  readonly partition: TopicPartition
  readonly assignment: number
  readonly group: string
  /** What the group has committed to Kafka. */
  readonly committed: number | undefined
  /** What the node is configured to do when nobody knows a position. */
  readonly otherwise: StartAt
  readonly ledger:
    | { readonly clusterId: () => Promise<string>; readonly store: Pick<PositionStore, 'positions'> }
    | undefined
}

/** What is configured counts where nobody knows a position. Rejects while the ledger cannot be read. */
export async function startPosition(options: StartPositionOptions): Promise<StartAt> {
  const { partition, assignment, group, committed, otherwise, ledger } = options
  if (ledger !== undefined) {
    const clusterId = await ledger.clusterId()
    const known = await ledger.store.positions({ clusterId, group, ...partition }, assignment)
    const { settled, lastTimestamp, sinks } = known
    const own = settled ?? sinks?.smallest
    if (own !== undefined) {
      const offset = Math.min(own, committed ?? own)
      const reached = Math.max(own, sinks?.largest ?? own)
      return offset === settled && lastTimestamp !== undefined
        ? { offset, reached, lastTimestamp }
        : { offset, reached }
    }
  }
  return committed === undefined ? otherwise : { offset: committed }
}

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
      'The partition is stopped: say in the dialog of the consumer where it shall go on',
    { retryable: false, statusText: `possible loss: ${topic}/${partition}` },
  )
}

/** The error when the record before the next offset is not the one that was read there. */
export function otherTopic({ topic, partition }: TopicPartition, offset: number): PipelineError {
  return new PipelineError(
    'KAFKA_OFFSET_OUT_OF_RANGE',
    `Possible loss in ${topic} partition ${partition}: the next offset to read is ${offset}, but the record before it has ` +
      'another time than the one that was read there: the topic was created again. The partition is stopped: say in the ' +
      'dialog of the consumer where to continue',
    { retryable: false, statusText: `possible loss: ${topic}/${partition}` },
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
      'fetched several times. The partition is stopped, nothing is skipped. Mend the broker (another replica may be ' +
      'sound), then say in the dialog of the consumer where it shall go on: here, or behind the damage',
    { retryable: false, statusText: `cannot be read: ${topic}/${partition}` },
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

/** The error when a partition shall go on at an offset that it does not have. */
export function noSuchOffset(
  { topic, partition }: TopicPartition,
  offset: number,
  { earliest, latest }: OffsetRange,
): PipelineError {
  return new PipelineError(
    'KAFKA_NO_SUCH_OFFSET',
    `${topic} partition ${partition} cannot go on at ${offset}: Kafka has the offsets ${earliest} to ${latest}`,
    { retryable: false },
  )
}
