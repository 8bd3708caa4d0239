/**
 * The ledger: the table that holds, for every sink and every partition it reads, the next offset that the sink
 * still needs. It moves in the transaction that writes the rows, and only from the value that was read, so that
 * each Kafka position is written exactly once, also when two owners of a partition write at the same time.
 */
import type { ClientBase } from 'pg'
import { PipelineError } from '../runtime/errors'
import type { KafkaRange } from '../runtime/wire'
import type { Database } from './database'
import type { TableName } from './identifiers'
import { createLedger } from './sql/create-ledger'
import { knownPositions } from './sql/known-positions'
import { movePosition } from './sql/move-position'
import { readPosition } from './sql/read-position'
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
      { retryable: true, statusText: 'ledger went back' },
    )
  }
}

type RewoundListener = (rewound: LedgerRewound) => void

export class Ledger {
  private exists = false
  /**
   * Positions that the database has confirmed to this process, by key. A smaller one is no gap that the flow has
   * filtered: the database has lost commits.
   */
  private readonly confirmed = new Map<string, number>()
  /** Where partitions began which the ledger did not know: to go back there when it has forgotten them again. */
  private readonly origins = new Map<string, number>()
  private readonly listeners = new Set<RewoundListener>()

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

  /**
   * The database has committed this position.
   * @param origin where the partition began, when this was its first position
   */
  confirm(key: LedgerKey, position: number, origin?: number): void {
    const name = nameOf(key)
    this.confirmed.set(name, position)
    if (origin !== undefined) this.origins.set(name, origin)
  }

  /**
   * Compares what was read with what was confirmed before.
   * @param firstOffset of the range that is to be written
   * @throws LedgerRewound when offsets between the position and the range may have been rows, and are gone
   */
  assertNotRewound(key: LedgerKey, position: number | undefined, firstOffset: number): void {
    const confirmed = this.confirmed.get(nameOf(key))
    const from = position ?? -1
    if (confirmed === undefined || from >= confirmed || from >= firstOffset) return
    const rewound = new LedgerRewound(key, confirmed, position)
    for (const listener of this.listeners) listener(rewound)
    throw rewound
  }

  /** @returns the function that ends it */
  onRewound(listener: RewoundListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** @returns false when the position is not `from` any more: another owner of the partition was faster */
  move(client: ClientBase, key: LedgerKey, from: number | undefined, to: number): Promise<boolean> {
    return from === undefined
      ? startPosition(client, this.table, key, to)
      : movePosition(client, this.table, key, from, to)
  }

  /** Where a consumer begins: the smallest position of these sinks; `undefined` when none has one. */
  async smallest(query: PositionQuery, sinks: readonly string[]): Promise<number | undefined> {
    const doing = `reading the ledger "${this.table.table}"`
    try {
      await this.prepare()
      const known = await this.database.withClient(doing, (client) =>
        knownPositions(client, this.table, query, sinks),
      )
      const positions = sinks.flatMap((sink) => {
        const name = nameOf({ ...query, sink })
        // From here on the consumer reads everything: what was confirmed before does not count any more.
        this.confirmed.delete(name)
        const position = known.get(sink) ?? this.origins.get(name)
        if (position === undefined) return []
        this.confirmed.set(name, position)
        return [position]
      })
      return positions.length === 0 ? undefined : Math.min(...positions)
    } catch (error) {
      this.forget()
      throw error
    }
  }
}

function nameOf({ clusterId, group, topic, partition, sink }: LedgerKey): string {
  return JSON.stringify([clusterId, group, topic, partition, sink])
}
