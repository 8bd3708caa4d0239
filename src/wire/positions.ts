/** What a Kafka consumer asks of the ledger in PostgreSQL. Neither of the two knows the other. */
import type { PipelineError } from './errors'

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
export interface SettledOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Of the record before it, in milliseconds since 1970; `undefined` when it is not known. */
  readonly lastTimestamp: number | undefined
}

export interface KnownPositions {
  /** The consumer's own position: everything before it is settled. */
  readonly settled: number | undefined
  /** Of the record before it, in milliseconds since 1970; `undefined` when it is not known. */
  readonly lastTimestamp?: number | undefined
  /** Of the deployed sinks that have a position in this partition; `undefined` when none of them has. */
  readonly sinks: PositionSpan | undefined
}

/** The ledger, as far as a consumer needs it. All of it rejects while the database does not answer. */
export interface PositionStore {
  /** @param assignment the number that ranges of the partition have from now on; those with an earlier one are refused */
  positions(query: PositionQuery, assignment: number): Promise<KnownPositions>
  /** The consumer begins here, and has handed out nothing: gives it a position of its own, unless it has one. */
  begin(query: PositionQuery, offset: number): Promise<void>
  /** Everything before these offsets is settled: the consumer's own positions move there, never back. */
  settle(query: GroupQuery, settled: readonly SettledOffset[]): Promise<void>
  /**
   * Tells when the store has lost positions that it had confirmed (a failover to a standby that was behind): the
   * consumer has to ask again before it reads on.
   * @returns the function that ends it
   */
  onRewound(listener: (query: PositionQuery, problem: PipelineError) => void): () => void
  /**
   * The operator has decided where a stopped partition resumes. The positions of the consumer and of the deployed sinks
   * are set to this offset, unless they lie between it and the end: those records are written already. All positions of
   * the group after the end are set too, also of sinks that are not deployed: they belong to records that no longer exist.
   * @param end the smallest end of the partition that was seen since it has stopped
   * @throws PipelineError while the database does not answer
   */
  release(query: PositionQuery, offset: number, end: number): Promise<void>
}
