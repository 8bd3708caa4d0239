/** How a transaction moves the position in the ledger, and keeps count of the outcomes. */
import type { PoolClient } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { TableName } from '../connect/identifiers'
import { correctCounts, insertPosition, movePosition } from './ledger-statements'
import { countOffsets, type PassedOffsets } from './passed-offsets'
import { partitionOf, type LedgerKey } from './position'

export type Outcome = Pick<PassedOffsets, 'rows' | 'deadLetters'>

export interface PositionMove {
  /**
   * The statements that move it. They are sent with BEGIN, before the rows, so that an owner that has lost a partition writes
   * nothing. Each changes one row, or none when another owner has moved the position.
   * @param expected the outcome when nothing goes wrong
   */
  readonly statements: (expected: Outcome) => readonly string[]
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
    statements: (expected) => {
      const passed = { ...expected, ...counted }
      return [
        from === undefined
          ? insertPosition(table, key, firstOffset, nextOffset, passed)
          : movePosition(table, key, from, nextOffset, passed),
      ]
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
  return { statements: () => [], mayWrite, correct: () => Promise.resolve(), clusterId: undefined, lane }
}

/** One move of one position, and the records that are written with it. */
export interface RangeMove {
  readonly key: LedgerKey
  readonly move: PositionMove
  readonly rows: number
}

/**
 * Moves several positions, or none of them. Each record of the ranges is expected to be one row.
 * @throws EachAlone when the table has taken another number of rows: whose they are cannot be told
 */
export function jointMove(moves: readonly RangeMove[]): PositionMove {
  // Two processes that hold some of the same rows of the ledger lock them in the same order.
  const inOrder = [...moves].sort((one, other) => compare(partitionOf(one.key), partitionOf(other.key)))
  return {
    statements: () => inOrder.flatMap(({ move, rows }) => move.statements({ rows, deadLetters: 0 })),
    correct: (_client, expected, outcome) => {
      const isAsExpected = expected.rows === outcome.rows && outcome.deadLetters === 0
      return isAsExpected ? Promise.resolve() : Promise.reject(new EachAlone())
    },
    clusterId: moves[0]?.key.clusterId,
    lane: laneOf(moves),
  }
}

/** In the queue for a connection those of several topics are a lane of their own, with a name that no topic can have. */
function laneOf([first, ...others]: readonly RangeMove[]): string {
  const topic = first?.key.topic ?? ''
  return others.every(({ key }) => key.topic === topic) ? topic : ''
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** Not for users: nothing of a joint transaction was written, and each range is to be written by itself. */
export class EachAlone extends PipelineError {
  constructor() {
    super('EACH_ALONE', 'each range has to be written by itself', { retryable: true })
  }
}
