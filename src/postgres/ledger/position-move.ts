/** How a transaction moves the position in the ledger, and keeps count of the outcomes. */
import type { PoolClient } from 'pg'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { TableName } from '../connect/identifiers'
import { correctCounts, insertPosition, movePosition } from './ledger-statements'
import { countOffsets, type PassedOffsets } from './passed-offsets'
import type { LedgerKey } from './position'

export type Outcome = Pick<PassedOffsets, 'rows' | 'deadLetters'>

export interface PositionMove {
  /**
   * The statement that moves it. It is sent with BEGIN, before the rows, so that an owner that has lost the partition writes
   * nothing. It changes one row, or none when another owner has moved the position.
   * @param expected the outcome when nothing goes wrong
   */
  readonly statement?: (expected: Outcome) => string
  /** What else decides whether the records are written. */
  readonly mayWrite?: (client: PoolClient) => Promise<boolean>
  /** After the rows: costs a statement only when the outcome is another. */
  readonly correct: (client: PoolClient, expected: Outcome, outcome: Outcome) => Promise<void>
  readonly clusterId: string | undefined
  /** The Kafka topic: what waits in the queue for a connection. */
  readonly lane: string
}

/**
 * @param table the ledger
 * @param from the position that was read; `undefined`: there is none yet, and counting begins with the range
 * @param due the records that are to be written from there on
 */
export function ledgerMove(
  table: TableName,
  key: LedgerKey,
  { firstOffset, nextOffset, gaps }: KafkaRange,
  from: number | undefined,
  due: readonly WireRecord[],
): PositionMove {
  const counted = countOffsets(from ?? firstOffset, nextOffset, due, gaps)
  return {
    statement: (expected) => {
      const passed = { ...expected, ...counted }
      return from === undefined
        ? insertPosition(table, key, firstOffset, nextOffset, passed)
        : movePosition(table, key, from, nextOffset, passed)
    },
    correct: async (client, expected, outcome) => {
      const rows = outcome.rows - expected.rows
      const deadLetters = outcome.deadLetters - expected.deadLetters
      if (rows !== 0 || deadLetters !== 0) await correctCounts(client, table, key, rows, deadLetters)
    },
    clusterId: key.clusterId,
    lane: key.topic,
  }
}

/** For records that no ledger vouches for. */
export function noLedger(lane: string, mayWrite: (client: PoolClient) => Promise<boolean>): PositionMove {
  return { mayWrite, correct: () => Promise.resolve(), clusterId: undefined, lane }
}
