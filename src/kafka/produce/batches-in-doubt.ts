/**
 * Batches that have failed and may have been stored all the same. An idempotent producer gives the next batch of the
 * partition the same sequence number, and the broker takes a different batch of the same length for a repetition: it
 * answers, and stores nothing. So a batch is in doubt until the identical one succeeds, and another one for its partition
 * needs a producer with a new id.
 */
import type { KafkaRecord } from '../driver'

export class BatchesInDoubt {
  private readonly batches = new Map<string, readonly KafkaRecord[]>()

  /** Whether the broker could take these records for the repetition of others. */
  confuses(lane: string, records: readonly KafkaRecord[]): boolean {
    const doubtful = this.batches.get(lane)
    return doubtful !== undefined && doubtful !== records
  }

  /** @param mayBeStored false when the broker has refused the batch for good */
  failed(lane: string, records: readonly KafkaRecord[], mayBeStored: boolean): void {
    if (mayBeStored) this.batches.set(lane, records)
    else this.batches.delete(lane)
  }

  stored(lane: string): void {
    this.batches.delete(lane)
  }
}
