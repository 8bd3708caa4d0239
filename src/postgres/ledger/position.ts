/** What a row of the ledger belongs to: a sink, or the consumer itself, in one partition. */
import type { PositionQuery } from '../../wire/positions'

/** In place of a sink's name: the position of the consumer itself. */
export const CONSUMER = ''

export interface LedgerKey extends PositionQuery {
  /** The sink's name in the ledger. */
  readonly sink: string
  /** The table that it writes to; another one is refused. */
  readonly target?: string | undefined
  /** Names that its row may still have from an older version. */
  readonly formerNames?: readonly string[] | undefined
}

export function partitionOf({ clusterId, group, topic, partition }: PositionQuery): string {
  return JSON.stringify([clusterId, group, topic, partition])
}
