/** What earlier attempts to write a batch have found. A batch is known by its first record. */
import type { WireRecord } from '../../wire/message'
import type { DatabaseError } from '../connect/database-error'
import type { Patience } from '../write/part-writer'

/** How often a batch may run into a limit before one of its rows is taken to be the reason. */
const PATIENT_ATTEMPTS = 3

export class EarlierAttempts {
  /** How often a batch has run into a limit that one of its rows may exceed. */
  private readonly overLimit = new WeakMap<WireRecord, number>()
  /** Batches whose last attempt has found the table at fault. */
  private readonly stopped = new WeakSet<WireRecord>()

  noteFailed([first]: readonly WireRecord[], { rowFault, kind }: DatabaseError): void {
    if (first === undefined) return
    if (rowFault?.blame === 'in the end') this.overLimit.set(first, this.timesOverLimit(first) + 1)
    if (kind === 'configuration') this.stopped.add(first)
  }

  patienceWith([first]: readonly WireRecord[]): Patience {
    return { isOver: first !== undefined && this.timesOverLimit(first) >= PATIENT_ATTEMPTS }
  }

  /** Whether the table was found at fault; it is forgotten with the answer. */
  takeStopped([first]: readonly WireRecord[]): boolean {
    return first !== undefined && this.stopped.delete(first)
  }

  private timesOverLimit(first: WireRecord): number {
    return this.overLimit.get(first) ?? 0
  }
}
