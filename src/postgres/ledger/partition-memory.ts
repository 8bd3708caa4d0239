/**
 * What this process remembers of each partition. It saves a query before each batch, and it shows when the database has
 * lost commits: it is then behind a position that it had confirmed. It never decides that something was written.
 */
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import type { PositionQuery } from '../../wire/positions'
import { partitionOf, type LedgerKey } from './position'

interface Remembered {
  /** The newest assignment that was heard of. The numbers only grow. */
  assignment: number
  /** Where the consumer began, in case the ledger forgets it. */
  origin: number | undefined
  /** What the database has confirmed, by the name of the sink. */
  confirmed: Map<string, Confirmed>
}

interface Confirmed {
  readonly position: number
  /** Nothing has happened since that may have moved it. */
  readonly isLatest: boolean
}

export class PartitionMemory {
  private readonly partitions: RecentMap<string, Remembered>

  /** @param max partitions; the position of one that is forgotten is read before the next batch */
  constructor(max = MAX_PARTITIONS) {
    this.partitions = new RecentMap(max)
  }

  /**
   * The consumer was given a partition: ranges of earlier assignments are out of date.
   * @returns false when this one is itself
   */
  noteAssignment(query: PositionQuery, assignment: number): boolean {
    const partition = this.of(query)
    if (assignment < partition.assignment) return false
    partition.assignment = assignment
    return true
  }

  origin(query: PositionQuery): number | undefined {
    return this.of(query).origin
  }

  setOrigin(query: PositionQuery, offset: number | undefined): void {
    this.of(query).origin = offset
  }

  /** What the ledger should have, or more. */
  confirmed(key: LedgerKey): number | undefined {
    return this.of(key).confirmed.get(key.sink)?.position
  }

  /** What the ledger has, unless another process has moved it. */
  latest(key: LedgerKey): number | undefined {
    const found = this.of(key).confirmed.get(key.sink)
    return found?.isLatest === true ? found.position : undefined
  }

  /** The database has committed this position. */
  confirm(key: LedgerKey, position: number): void {
    this.of(key).confirmed.set(key.sink, { position, isLatest: true })
  }

  /** Whether it has is not known, or another process has moved it: it is read before it is used again. */
  doubt(key: LedgerKey): void {
    const { confirmed } = this.of(key)
    const found = confirmed.get(key.sink)
    if (found !== undefined) confirmed.set(key.sink, { ...found, isLatest: false })
  }

  /** A consumer reads the partition from these positions on: what was confirmed before no longer counts. */
  reset(query: PositionQuery, positions: Iterable<readonly [sink: string, position: number]>): void {
    const confirmed = new Map<string, Confirmed>()
    for (const [sink, position] of positions) confirmed.set(sink, { position, isLatest: true })
    this.of(query).confirmed = confirmed
  }

  private of(query: PositionQuery): Remembered {
    const id = partitionOf(query)
    let found = this.partitions.get(id)
    if (found === undefined) {
      found = { assignment: 0, origin: undefined, confirmed: new Map() }
      this.partitions.set(id, found)
    }
    return found
  }
}
