/** Which part of a range of Kafka's offsets is still to be written, and why none of it may be. */
import { PipelineError } from '../../wire/errors'
import type { KafkaRange } from '../../wire/message'
import type { LedgerKey } from './position'

export type RangePlan =
  | { readonly write: 'all' }
  | { readonly write: 'nothing' }
  | { readonly write: 'from'; readonly offset: number }

/** A gap between the position and the range is what the flow has filtered: the consumer moved on, so it was settled. */
export function planRange(
  position: number | undefined,
  { firstOffset, nextOffset }: Pick<KafkaRange, 'firstOffset' | 'nextOffset'>,
): RangePlan {
  if (position === undefined || position <= firstOffset) return { write: 'all' }
  if (position >= nextOffset) return { write: 'nothing' }
  return { write: 'from', offset: position }
}

/** The ledger is behind what it had confirmed: the consumer has to go back, or records would be skipped. */
export class LedgerRewound extends PipelineError {
  constructor(
    readonly key: LedgerKey,
    confirmed: number,
    position: number | undefined,
  ) {
    super(
      'LEDGER_REWOUND',
      `PostgreSQL had confirmed ${key.topic} partition ${key.partition} up to offset ${confirmed}, and now its ledger ` +
        `${position === undefined ? 'does not know the partition' : `says ${position}`}: a standby that was behind ` +
        'has taken over, or a backup was restored. The records are to be read from Kafka again; a consumer that has ' +
        'this database chosen does it by itself',
      { retryable: true, status: 'ledgerWentBack' },
    )
  }
}

/**
 * A range that the consumer read before the partition was assigned to it again. It reads the partition from its position
 * again, so an earlier range may begin after that: what lies between would be taken for a gap that the flow has filtered.
 */
export class RangeSuperseded extends PipelineError {
  constructor({ topic, partition }: LedgerKey, { firstOffset, nextOffset }: KafkaRange) {
    super(
      'RANGE_SUPERSEDED',
      `${topic} partition ${partition}, offsets ${firstOffset} to ${nextOffset - 1}: the partition was assigned ` +
        'to the consumer again after it had sent this batch, and it sends these records again. Nothing was written',
      { retryable: true, status: 'batchSuperseded' },
    )
  }
}
