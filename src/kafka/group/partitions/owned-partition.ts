/** A partition that this member of the group owns, or has owned. Everything else in this folder works on it. */
import { MAX_PARTITIONS } from '../../../runtime/recent-map'
import type { TopicPartition } from '../../driver'
import { PartitionReader, type BatchLimits } from './partition-reader'

/** A record that was read before, as it was then. */
export interface Witness {
  readonly offset: number
  readonly timestamp: number
  /** Fetches from elsewhere, because a seek had not taken effect. */
  misses: number
}

export interface OwnedPartition {
  readonly reader: PartitionReader
  /** The group's committed offset, as far as we know. */
  committed: number | undefined
  /** Everything below is finished, whether or not it could be committed. */
  doneTo: number | undefined
  /** Settles when the flow has finished the outstanding batch. */
  outstanding: Promise<void> | undefined
  isFetching: boolean
  /** Fetches in a row that brought nothing that can be read. */
  unreadable: number
  /** Fetches in a row that began elsewhere than at the position. */
  astray: number
  /** Answers in a row in which Kafka refused to let it be read. */
  refusals: number
  /** Not fetched from until a back-off is over, or a fetch from elsewhere has been examined. */
  isResting: boolean
  /** The record before the start, as it was when it was read: to be seen once, while nothing was handed out. */
  witness: Witness | undefined
  /** What it calls when the budget has room for its next batch. */
  readonly handOut: () => void
}

export function ownPartition(
  partition: TopicPartition,
  limits: BatchLimits,
  handOut: (own: OwnedPartition) => void,
): OwnedPartition {
  const own: OwnedPartition = {
    reader: new PartitionReader(partition, limits),
    committed: undefined,
    doneTo: undefined,
    outstanding: undefined,
    isFetching: false,
    unreadable: 0,
    astray: 0,
    refusals: 0,
    isResting: false,
    witness: undefined,
    handOut: () => handOut(own),
  }
  return own
}

/** A commit must be of something that was handed out, and must not go back. */
export function isNewlyDone({ reader, doneTo }: OwnedPartition, nextOffset: number): boolean {
  return nextOffset <= reader.handedOut && nextOffset > (doneTo ?? -1)
}

/** Where the group really is: what our own last membership finished, and could no longer commit, counts. */
export function alsoDone(
  committed: number | undefined,
  before: Pick<OwnedPartition, 'committed' | 'doneTo'> | undefined,
): number | undefined {
  if (before?.doneTo === undefined) return committed
  const isOurs = committed === before.committed || (committed ?? -1) > (before.committed ?? -1)
  return isOurs && (committed ?? -1) < before.doneTo ? before.doneTo : committed
}

/** Topics that were deleted never come back. What is still in the flow has to be waited for. */
export function forgetOldest(past: Map<string, OwnedPartition>): void {
  if (past.size <= MAX_PARTITIONS) return
  for (const [key, { outstanding }] of past) if (outstanding === undefined) return void past.delete(key)
}
