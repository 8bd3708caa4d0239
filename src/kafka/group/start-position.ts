/**
 * Where the consumer begins a partition that has just been assigned to it: at the smaller one of its own position in the
 * ledger, and the offset that the group has committed to Kafka. Both stand for what the flow has settled, all of its sinks.
 *
 *  - The consumer's position is in the database of the rows. After a failover to a standby that lacks the last commits
 *    it has gone back with them, and what is committed to Kafka would skip them.
 *  - Kafka's offset is the smaller one when the operator has set it back, and counts alone where no ledger is chosen.
 *
 * The positions of sinks only tell what is there already: beginning too early writes no row twice. They count where the
 * consumer has no position yet, because an older version has written the ledger. A ledger that cannot be read is waited
 * for; beginning elsewhere would be a guess.
 */
import type { StartAt, TopicPartition } from '../driver'
import type { PositionStore } from '../../wire/positions'

export interface StartPositionOptions {
  readonly partition: TopicPartition
  readonly assignment: number
  readonly group: string
  /** What the group has committed to Kafka. */
  readonly committed: number | undefined
  /** What the node is configured to do when no position is known. */
  readonly otherwise: StartAt
  readonly ledger:
    | { readonly clusterId: () => Promise<string>; readonly store: Pick<PositionStore, 'positions'> }
    | undefined
}

/** What is configured counts where no position is known. Rejects while the ledger cannot be read. */
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
