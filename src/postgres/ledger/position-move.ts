/** How a transaction moves the position in the ledger, and keeps the count of what became of the offsets. */
import type { PoolClient } from 'pg'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { Ledger, LedgerKey } from './ledger'
import { countOffsets, type PassedOffsets } from './passed-offsets'

export type Outcome = Pick<PassedOffsets, 'rows' | 'deadLetters'>

export interface PositionMove {
  /**
   * Before the rows, so that who has lost the partition writes nothing.
   * @param expected what will become of the records when nothing goes wrong
   * @returns false when somebody else has moved the position
   */
  readonly move: (client: PoolClient, expected: Outcome) => Promise<boolean>
  /** After the rows: costs a statement only when it came otherwise. */
  readonly correct: (client: PoolClient, expected: Outcome, outcome: Outcome) => Promise<void>
  readonly clusterId: string | undefined
  /** The Kafka topic: who stands in the queue for a connection. */
  readonly lane: string
}

/**
 * @param position what was read from the ledger
 * @param due the records that are to be written from there on
 */
export function ledgerMove(
  ledger: Ledger,
  key: LedgerKey,
  { firstOffset, nextOffset, gaps }: KafkaRange,
  position: number | undefined,
  due: readonly WireRecord[],
): PositionMove {
  const counted = countOffsets(position ?? firstOffset, nextOffset, due, gaps)
  return {
    move: (client, expected) =>
      ledger.move(client, key, { from: position, firstOffset, to: nextOffset }, { ...expected, ...counted }),
    correct: async (client, expected, outcome) => {
      const rows = outcome.rows - expected.rows
      const deadLetters = outcome.deadLetters - expected.deadLetters
      if (rows !== 0 || deadLetters !== 0) await ledger.correct(client, key, { rows, deadLetters })
    },
    clusterId: key.clusterId,
    lane: key.topic,
  }
}

/**
 * For records that no ledger vouches for.
 * @param move what else decides whether they are written
 */
export function noLedger(lane: string, move: (client: PoolClient) => Promise<boolean>): PositionMove {
  return { move, correct: () => Promise.resolve(), clusterId: undefined, lane }
}
