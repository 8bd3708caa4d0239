/**
 * The ledger: the table that holds, for every sink and every partition it reads, the next offset that the sink
 * still needs. It moves in the transaction that writes the rows, and only from the value that was read, so that
 * each Kafka position is written exactly once, also when two owners of a partition write at the same time.
 */
import type { ClientBase } from 'pg'
import type { KafkaRange } from '../runtime/wire'
import type { Database } from './database'
import type { TableName } from './identifiers'
import { createLedger } from './sql/create-ledger'
import { movePosition } from './sql/move-position'
import { readPosition } from './sql/read-position'
import { smallestPosition } from './sql/smallest-position'
import { startPosition } from './sql/start-position'
import { tableExists } from './sql/table-exists'

export interface PositionQuery {
  readonly clusterId: string
  readonly group: string
  readonly topic: string
  readonly partition: number
}

/** What a ledger row belongs to. */
export interface LedgerKey extends PositionQuery {
  /** The sink's name in the ledger. */
  readonly sink: string
}

/** Which part of a range is still to be written. */
export type RangePlan =
  | { readonly write: 'all' }
  | { readonly write: 'nothing' }
  | { readonly write: 'from'; readonly offset: number }

/** A gap between the position and the range is what the flow has filtered: the consumer went on, so it was settled. */
export function planRange(
  position: number | undefined,
  { firstOffset, nextOffset }: Pick<KafkaRange, 'firstOffset' | 'nextOffset'>,
): RangePlan {
  if (position === undefined || position <= firstOffset) return { write: 'all' }
  if (position >= nextOffset) return { write: 'nothing' }
  return { write: 'from', offset: position }
}

export class Ledger {
  private exists = false

  constructor(
    private readonly database: Database,
    readonly table: TableName,
    private readonly create: boolean,
  ) {}

  /** Creates the table where that is asked for and it is missing. */
  async prepare(): Promise<void> {
    if (this.exists || !this.create) return
    await this.database.transaction(`creating the ledger "${this.table.table}"`, async (client) => {
      if (!(await tableExists(client, this.table))) await createLedger(client, this.table)
    })
    this.exists = true
  }

  /** Somebody may have dropped the table: look again at the next `prepare`. */
  forget(): void {
    this.exists = false
  }

  read(client: ClientBase, key: LedgerKey): Promise<number | undefined> {
    return readPosition(client, this.table, key)
  }

  /** @returns false when the position is not `from` any more: another owner of the partition was faster */
  move(client: ClientBase, key: LedgerKey, from: number | undefined, to: number): Promise<boolean> {
    return from === undefined
      ? startPosition(client, this.table, key, to)
      : movePosition(client, this.table, key, from, to)
  }

  async smallest(query: PositionQuery, sinks: readonly string[]): Promise<number | undefined> {
    const doing = `reading the ledger "${this.table.table}"`
    try {
      await this.prepare()
      return await this.database.withClient(doing, (client) =>
        smallestPosition(client, this.table, query, sinks),
      )
    } catch (error) {
      this.forget()
      throw error
    }
  }
}
