/**
 * The ledger: the table that holds, for every sink and every partition it reads, the next offset that the sink
 * still needs. It moves in the transaction that writes the rows, and only from the value that was read, so that
 * each Kafka position is written exactly once, also when two owners of a partition write at the same time.
 */
import type { ClientBase } from 'pg'
import { PipelineError } from '../runtime/errors'
import type { KafkaRange } from '../runtime/wire'
import type { Database } from './database'
import { DatabaseError } from './database-error'
import type { TableName } from './identifiers'
import type { PassedOffsets } from './passed-offsets'
import { addLedgerCounts } from './sql/add-ledger-counts'
import { correctCounts } from './sql/correct-counts'
import { createAuditView } from './sql/create-audit-view'
import { createLedger } from './sql/create-ledger'
import { knownPositions } from './sql/known-positions'
import { describeLedger } from './sql/describe-ledger'
import { lockDefinitions } from './sql/lock-definitions'
import { movePosition } from './sql/move-position'
import { readPosition } from './sql/read-position'
import { releasePositions } from './sql/release-positions'
import { startPosition } from './sql/start-position'

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

/** The positions of several sinks in one partition. */
export interface PositionSpan {
  readonly smallest: number
  readonly largest: number
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

/**
 * A range that the consumer read before it was given the partition anew. It reads the partition from its position again,
 * so a range from before may begin behind that: what lies between would be taken for a gap that the flow has filtered.
 */
export class RangeSuperseded extends PipelineError {
  constructor({ topic, partition }: LedgerKey, { firstOffset, nextOffset }: KafkaRange) {
    super(
      'RANGE_SUPERSEDED',
      `${topic} partition ${partition}, offsets ${firstOffset} to ${nextOffset - 1}: the consumer was given the ` +
        'partition anew since it has sent this batch, and sends its records again. Nothing was written',
      { retryable: true, statusText: 'batch was superseded' },
    )
  }
}

type RewoundListener = (rewound: LedgerRewound) => void

/** `from` is the position that was read, `undefined` when there was none. */
export interface PositionStep {
  readonly from: number | undefined
  readonly firstOffset: number
  readonly to: number
}

export class Ledger {
  private exists = false
  /**
   * Positions that the database has confirmed to this process, by key. A smaller one is no gap that the flow has
   * filtered: the database has lost commits.
   */
  private readonly confirmed = new Map<string, number>()
  /** Where partitions began which the ledger did not know: to go back there when it has forgotten them again. */
  private readonly origins = new Map<string, number>()
  /** The newest assignment of each partition that this process has heard of. Their numbers only grow. */
  private readonly assignments = new Map<string, number>()
  private readonly listeners = new Set<RewoundListener>()

  constructor(
    private readonly database: Database,
    readonly table: TableName,
    private readonly create: boolean,
  ) {}

  /**
   * Creates the table and its audit where that is asked for and they are missing, and lets an older ledger count.
   * @throws DatabaseError of kind `configuration` for an older ledger that this node may not change
   */
  async prepare(): Promise<void> {
    if (this.exists) return
    await this.database.transaction(`preparing the ledger "${this.table.table}"`, async (client) => {
      let found = await describeLedger(client, this.table)
      if (this.create && (found === undefined || found.missingCounts.length > 0 || !found.hasAudit)) {
        await lockDefinitions(client)
        found = await describeLedger(client, this.table)
        if (found === undefined) await createLedger(client, this.table)
        else if (found.missingCounts.length > 0) await addLedgerCounts(client, this.table)
        if (found?.hasAudit !== true) await createAuditView(client, this.table)
      } else if (found !== undefined && found.missingCounts.length > 0) {
        throw withoutCounts(this.table, found.missingCounts)
      }
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
   * Whether this is what the database said last. It is not when the partition was elsewhere meanwhile, or was released:
   * a consumer has then asked for the position anew.
   */
  isLatest(key: LedgerKey, position: number): boolean {
    return this.confirmed.get(nameOf(key)) === position
  }

  /**
   * Whether a range may be written, and what lies between it and the position is what the flow has filtered. To be asked
   * after the position was read, so that a consumer that begins anew meanwhile is noticed here, or by the position.
   * @throws RangeSuperseded when the consumer has begun the partition anew since
   * @throws LedgerRewound when offsets between the position and the range may have been rows, and are gone
   */
  assertFollows(key: LedgerKey, position: number | undefined, range: KafkaRange): void {
    const { firstOffset, assignment } = range
    if (assignment !== undefined && !this.noteAssignment(key, assignment))
      throw new RangeSuperseded(key, range)
    const confirmed = this.confirmed.get(nameOf(key))
    const from = position ?? -1
    if (confirmed === undefined || from >= confirmed || from >= firstOffset) return
    const rewound = new LedgerRewound(key, confirmed, position)
    for (const listener of this.listeners) listener(rewound)
    throw rewound
  }

  /**
   * The consumer was given a partition: ranges of earlier assignments are out of date.
   * @returns false when this one is itself
   */
  noteAssignment(query: PositionQuery, assignment: number): boolean {
    const partition = partitionOf(query)
    if (assignment < (this.assignments.get(partition) ?? 0)) return false
    this.assignments.set(partition, assignment)
    return true
  }

  /** @returns the function that ends it */
  onRewound(listener: RewoundListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * @param firstOffset where the range begins: counting begins there when there is no position yet
   * @returns false when the position is not `from` any more: another owner of the partition was faster
   */
  move(
    client: ClientBase,
    key: LedgerKey,
    { from, firstOffset, to }: PositionStep,
    passed: PassedOffsets,
  ): Promise<boolean> {
    return from === undefined
      ? startPosition(client, this.table, key, firstOffset, to, passed)
      : movePosition(client, this.table, key, from, to, passed)
  }

  /** What `move` has counted turned out otherwise; in the same transaction. */
  correct(
    client: ClientBase,
    key: LedgerKey,
    change: Pick<PassedOffsets, 'rows' | 'deadLetters'>,
  ): Promise<void> {
    return correctCounts(client, this.table, key, change.rows, change.deadLetters)
  }

  /**
   * A stopped partition goes on at this offset: the positions of these sinks that are before it, and those of all sinks
   * that are behind the end, are set to it, and their counts begin anew.
   * @throws DatabaseError
   */
  async release(query: PositionQuery, sinks: readonly string[], offset: number, end: number): Promise<void> {
    await this.prepare()
    const released = await this.database.transaction(
      `releasing ${query.topic} partition ${query.partition} in the ledger "${this.table.table}"`,
      (client) => releasePositions(client, this.table, query, sinks, offset, end),
    )
    for (const sink of sinks) this.origins.delete(nameOf({ ...query, sink }))
    for (const sink of released) this.confirmed.set(nameOf({ ...query, sink }), offset)
  }

  /**
   * What a consumer asks before it begins: the positions that these sinks have; `undefined` when none has one. A sink
   * without one may stand behind another consumer, so it does not count here: if it stands behind this one, it has not
   * settled anything, and Kafka's committed offset has not moved.
   */
  async span(query: PositionQuery, sinks: readonly string[]): Promise<PositionSpan | undefined> {
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
      if (positions.length === 0) return undefined
      return { smallest: Math.min(...positions), largest: Math.max(...positions) }
    } catch (error) {
      this.forget()
      throw error
    }
  }
}

function partitionOf({ clusterId, group, topic, partition }: PositionQuery): string {
  return JSON.stringify([clusterId, group, topic, partition])
}

function nameOf({ clusterId, group, topic, partition, sink }: LedgerKey): string {
  return JSON.stringify([clusterId, group, topic, partition, sink])
}

function withoutCounts({ schema, table }: TableName, names: readonly string[]): DatabaseError {
  const text =
    `the ledger "${schema}"."${table}" is of an older version and has no column ${names.join(', ')}; let the ` +
    'PostgreSQL configuration create the ledger once, or add these columns as its help says'
  return new DatabaseError('configuration', '42703', text, 'the ledger needs new columns')
}
