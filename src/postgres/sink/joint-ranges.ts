/**
 * Joins small ranges of several partitions into one transaction. At ordinary rates each fetch brings a few records of each
 * partition, and a transaction for each of them costs PostgreSQL and Node.js more than the rows.
 *
 * What arrives in one turn of the event loop is joined, and what arrives while a joint transaction is out, until it is
 * enough for another one. A range that is large goes alone: in a drain all connections of the pool have work.
 *
 * Nothing is joined where something may be wrong: when a joint transaction fails, for whatever reason, nothing of it was
 * written, and each range is written by itself, as are the ones that come next. So bad rows, positions that have moved and
 * the table's faults are dealt with in one place, range by range.
 */
import { SizedQueue, type Sized } from '../../batching/sized-queue'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { LedgerKey } from '../ledger/position'
import { bytesOf } from './gatherer'
import type { Written } from './transaction'

/** A range of one partition that is to be written. */
export interface RangeWrite {
  readonly key: LedgerKey
  readonly range: KafkaRange
  readonly records: readonly WireRecord[]
  /** Its delivery is over: see `BatchWriter.writeRange`. */
  readonly isLate: boolean
}

export interface JointRangesOptions {
  /** Of a joint transaction. */
  readonly maxBytes: number
  /** Whether it may share a transaction. */
  readonly mayJoin: (write: RangeWrite) => boolean
  /** @returns the outcome of each; `undefined`: nothing was written, each has to be written alone. Never rejects */
  readonly together: (writes: readonly RangeWrite[]) => Promise<readonly Written[] | undefined>
  readonly alone: (write: RangeWrite) => Promise<Written>
}

/** A range with this many records is worth a transaction, and a joint one is not made larger. */
export const JOINT_RECORDS = 1_000

/** After a joint transaction has failed, this many ranges go alone. */
export const ALONE_AFTER_FAILURE = 100

interface Waiting extends Sized {
  readonly write: RangeWrite
  readonly resolve: (written: Written | Promise<Written>) => void
}

export class JointRanges {
  private readonly waiting = new SizedQueue<Waiting>()
  private out = 0
  private isDue = false
  private apart = 0

  constructor(private readonly options: JointRangesOptions) {}

  /** The ranges of one partition come one after the other. @throws whatever writing it alone throws */
  write(write: RangeWrite): Promise<Written> {
    const { mayJoin, alone } = this.options
    if (this.apart > 0) {
      this.apart--
      return alone(write)
    }
    const count = write.records.length
    if (count >= JOINT_RECORDS || !mayJoin(write)) return alone(write)
    return new Promise((resolve) => {
      this.waiting.add({ write, count, bytes: bytesOf(write.records), resolve })
      this.schedule()
    })
  }

  private schedule(): void {
    if (this.isDue || this.waiting.isEmpty) return
    if (this.out > 0 && this.waiting.count < JOINT_RECORDS) return
    this.isDue = true
    setImmediate(() => {
      this.isDue = false
      void this.flush()
    })
  }

  private async flush(): Promise<void> {
    const group = this.waiting.take(JOINT_RECORDS, this.options.maxBytes)
    this.out++
    this.schedule()
    const [only, ...others] = group
    const isAlone = only !== undefined && others.length === 0
    const written = isAlone ? undefined : await this.options.together(group.map(({ write }) => write))
    if (written === undefined && !isAlone) this.apart = ALONE_AFTER_FAILURE
    for (const [index, { write, resolve }] of group.entries()) {
      resolve(written?.[index] ?? this.options.alone(write))
    }
    this.out--
    this.schedule()
  }
}
