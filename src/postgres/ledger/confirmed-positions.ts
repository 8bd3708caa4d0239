/**
 * Positions that the database has confirmed to this process. They save a question before each batch, and they show
 * when the database has lost commits: it is then behind one of them. They never decide that something was written.
 */
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import type { LedgerKey, PositionQuery } from './ledger'

interface Confirmed {
  readonly position: number
  /** Nothing has happened since that may have moved it. */
  readonly isLatest: boolean
}

export class ConfirmedPositions {
  /** By partition, then by sink. */
  private readonly partitions: RecentMap<string, Map<string, Confirmed>>

  /** @param max partitions; of one that is forgotten the position is asked for before the next batch */
  constructor(max = MAX_PARTITIONS) {
    this.partitions = new RecentMap(max)
  }

  /** What the ledger should have, or more. */
  get(key: LedgerKey): number | undefined {
    return this.find(key)?.position
  }

  /** What the ledger has, unless another process has moved it. */
  latest(key: LedgerKey): number | undefined {
    const found = this.find(key)
    return found?.isLatest === true ? found.position : undefined
  }

  set(key: LedgerKey, position: number): void {
    const id = partitionOf(key)
    const sinks = this.partitions.get(id) ?? new Map<string, Confirmed>()
    this.partitions.set(id, sinks.set(key.sink, { position, isLatest: true }))
  }

  /** Somebody else may have moved it: it is to be read before it is used again. */
  doubt(key: LedgerKey): void {
    const found = this.find(key)
    if (found !== undefined)
      this.partitions.get(partitionOf(key))?.set(key.sink, { ...found, isLatest: false })
  }

  /** A consumer reads the partition from these positions on: what was confirmed before does not count any more. */
  reset(query: PositionQuery, positions: ReadonlyMap<string, number>): void {
    this.partitions.delete(partitionOf(query))
    for (const [sink, position] of positions) this.set({ ...query, sink }, position)
  }

  private find(key: LedgerKey): Confirmed | undefined {
    return this.partitions.get(partitionOf(key))?.get(key.sink)
  }
}

export function partitionOf({ clusterId, group, topic, partition }: PositionQuery): string {
  return JSON.stringify([clusterId, group, topic, partition])
}
