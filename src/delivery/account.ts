/**
 * What has become of the records that a source has received. At any time
 *
 *   received = delivered + filtered + dead letters + handed back + in flight
 *
 * Each number is counted where it happens, and none is derived from another, so that a record which the source loses
 * track of shows as a difference.
 */
import { Counts } from '../watch/counts'
import type { Samples } from '../watch/watched-nodes'

export class Account {
  delivered = 0
  /** The flow has ended them on purpose. */
  filtered = 0
  deadLetters = 0
  /** The broker gives them to another owner, or again. */
  handedBack = 0
  inFlight = 0
  /** Messages that were sent into the flow once more. */
  redeliveries = 0
  /** Attempts that failed, by the code of the error. */
  readonly errors = new Counts()

  enter(records: number): void {
    this.inFlight += records
  }

  /** @param deadLetters how many of them a sink has stored as dead letters, as far as it says */
  deliver(records: number, deadLetters: number): void {
    const dead = Math.min(records, deadLetters)
    this.inFlight -= records
    this.deadLetters += dead
    this.delivered += records - dead
  }

  filter(records: number): void {
    this.inFlight -= records
    this.filtered += records
  }

  handBack(records: number): void {
    this.inFlight -= records
    this.handedBack += records
  }

  /** @param waiting records that have arrived and were not emitted yet */
  samples(waiting = 0): Samples {
    return {
      tenant_pipeline_source_records_total: new Map([
        ['delivered', this.delivered],
        ['filtered', this.filtered],
        ['dead_letter', this.deadLetters],
        ['handed_back', this.handedBack],
      ]),
      tenant_pipeline_source_in_flight_records: this.inFlight + waiting,
      tenant_pipeline_redeliveries_total: this.redeliveries,
      message_processing_errors_total: this.errors.all,
    }
  }
}
