/**
 * The ledger: the table that holds, for every sink and every partition it reads, the next offset that the sink
 * still needs. It moves in the transaction that writes the rows, and only from the value that was read, so that
 * each Kafka position is written exactly once, also when two owners of a partition write at the same time.
 *
 * The consumer has a row of its own, under the name `CONSUMER`: everything below it is settled by the flow. It follows
 * within a second, in a transaction that sees the positions of the sinks as they were confirmed. So it is never durable
 * ahead of the rows that it stands for, and after a fail-over to a standby that was behind it has gone back with them.
 */
import type { ClientBase } from 'pg'
import { PipelineError } from '../../wire/errors'
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import type { KafkaRange } from '../../wire/message'
import { ConfirmedPositions, partitionOf } from './confirmed-positions'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import type { PassedOffsets } from './passed-offsets'
import {
  addLedgerColumns,
  adoptPosition,
  beginPartition,
  correctCounts,
  createAuditView,
  createLedger,
  describeLedger,
  knownPositions,
  movePosition,
  readPartitions,
  readPosition,
  releasePositions,
  settlePartitions,
  startPosition,
  type StoredPosition,
} from './ledger-statements'
import { lockDefinitions, tableExists } from '../connect/server-statements'

/** In the place of a sink's name: the position of the consumer itself. */
export const CONSUMER = ''

export interface GroupQuery {
  readonly clusterId: string
  readonly group: string
}

export interface PositionQuery extends GroupQuery {
  readonly topic: string
  readonly partition: number
}

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Of the record before the offset, in milliseconds since 1970; `undefined` when it is not known. */
  readonly lastTimestamp?: number | undefined
}

/** What a ledger row belongs to. */
export interface LedgerKey extends PositionQuery {
  /** The sink's name in the ledger. */
  readonly sink: string
  /** The table that it writes to; another one is refused. */
  readonly target?: string | undefined
  /** Names that its row may still have from an older version. */
  readonly formerNames?: readonly string[] | undefined
}

/** A sink that is deployed. */
export interface DeployedSink {
  readonly name: string
  readonly formerNames: readonly string[]
}

/** The positions of several sinks in one partition. */
export interface PositionSpan {
  readonly smallest: number
  readonly largest: number
}

/** What the ledger says where a consumer begins a partition. */
export interface KnownPositions {
  /** The consumer's own position. */
  readonly settled: number | undefined
  /** Of the record before it. */
  readonly lastTimestamp?: number | undefined
  /** Of the sinks that are deployed; `undefined` when none has one. */
  readonly sinks: PositionSpan | undefined
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

/** A row of the ledger is another table's. */
export function otherTarget({ sink, group, target }: LedgerKey, found: string): PipelineError {
  return new PipelineError(
    'LEDGER_TARGET',
    `"${sink}" is in the ledger, for the group ${group}, the name of a sink that writes to ${found}, and this one writes ` +
      `to ${target}: what one has written would count as written by the other. Give this sink another "Name in ledger"; ` +
      'it begins where the consumer is',
    { retryable: true, statusText: 'name in ledger is taken' },
  )
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
  private readonly confirmed = new ConfirmedPositions()
  /** Where consumers of this process began, in case that the ledger forgets it. */
  private readonly origins = new RecentMap<string, number>(MAX_PARTITIONS)
  /** The newest assignment of each partition that this process has heard of. Their numbers only grow. */
  private readonly assignments = new RecentMap<string, number>(MAX_PARTITIONS)
  private readonly listeners = new Set<RewoundListener>()

  constructor(
    private readonly database: Database,
    readonly table: TableName,
    private readonly create: boolean,
  ) {}

  /**
   * Creates the table and its audit where that is asked for and they are missing, and gives an older ledger its columns.
   * @throws DatabaseError of kind `configuration` for an older ledger that this node may not change
   */
  async prepare(): Promise<void> {
    if (this.exists) return
    await this.database.transaction(`preparing the ledger "${this.table.table}"`, async (client) => {
      let found = await describeLedger(client, this.table)
      if (this.create && (found === undefined || found.missingColumns.length > 0 || !found.hasAudit)) {
        await lockDefinitions(client)
        found = await describeLedger(client, this.table)
        const isOlder = found !== undefined && found.missingColumns.length > 0
        if (found === undefined) await createLedger(client, this.table)
        else if (isOlder) await addLedgerColumns(client, this.table)
        if (isOlder || found?.hasAudit !== true) await createAuditView(client, this.table)
      } else if (found !== undefined && found.missingColumns.length > 0) {
        throw withoutColumns(this.table, found.missingColumns)
      }
    })
    this.exists = true
  }

  /** Somebody may have dropped the table: look again at the next `prepare`. */
  forget(): void {
    this.exists = false
  }

  /**
   * The sink's position; one that it has under a former name is given the new one first.
   * @throws PipelineError `LEDGER_TARGET` when the name is that of a sink with another table
   */
  async read(key: LedgerKey): Promise<number | undefined> {
    const { database, table } = this
    const ask = (): Promise<StoredPosition[]> =>
      database.withClient('reading the ledger', (client) => readPosition(client, table, key), key.topic)
    let rows = await ask()
    const own = rows.find(({ sink }) => sink === key.sink)
    if (key.target !== undefined && (own?.target ?? key.target) !== key.target)
      throw otherTarget(key, own?.target ?? '')
    if (rows.some(({ sink }) => sink !== key.sink)) {
      const adopt = async (client: ClientBase): Promise<void> => {
        await lockDefinitions(client)
        await adoptPosition(client, table, key)
      }
      await database.transaction('giving a position in the ledger its new name', adopt, key.topic)
      rows = await ask()
    }
    return rows[0]?.nextOffset
  }

  /** What the ledger has, as far as this process knows, to save the question. */
  remembered(key: LedgerKey): number | undefined {
    return this.confirmed.latest(key)
  }

  /** The database has committed this position. */
  confirm(key: LedgerKey, position: number): void {
    this.confirmed.set(key, position)
  }

  /** Whether it has is not known, or somebody else has moved it. */
  doubt(key: LedgerKey): void {
    this.confirmed.doubt(key)
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
    const confirmed = this.confirmed.get(key)
    const from = position ?? -1
    if (confirmed === undefined || from >= confirmed || from >= firstOffset) return
    throw this.tell(new LedgerRewound(key, confirmed, position))
  }

  private tell(rewound: LedgerRewound): LedgerRewound {
    for (const listener of this.listeners) listener(rewound)
    return rewound
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

  // ---- for the consumer ----------------------------------------------------------------------------------

  /**
   * Whether there is a ledger; nothing is created. A consumer of which no sink has a ledger uses one that is there.
   * @throws DatabaseError
   */
  async isThere(): Promise<boolean> {
    this.exists ||= await this.database.withClient('looking for the ledger', (client) =>
      tableExists(client, this.table),
    )
    return this.exists
  }

  /**
   * What a consumer asks before it begins: its own position, and those that these sinks have. A sink without one may
   * stand behind another consumer, so it does not count here: if it stands behind this one, it has not settled
   * anything, and neither the consumer's position nor Kafka's committed offset has moved.
   */
  async positions(query: PositionQuery, sinks: readonly DeployedSink[]): Promise<KnownPositions> {
    try {
      if (sinks.length > 0) await this.prepare()
      else if (!(await this.isThere()))
        return { settled: undefined, lastTimestamp: undefined, sinks: undefined }
      const known = await this.database.withClient(`reading the ledger "${this.table.table}"`, (client) =>
        knownPositions(client, this.table, query),
      )
      const own = known.get(CONSUMER)
      const mine = [CONSUMER, ...sinks.map(({ name }) => name)]
      this.confirmed.reset(
        query,
        new Map(
          mine.flatMap((sink) => {
            const found = known.get(sink)
            return found === undefined ? [] : [[sink, found.nextOffset] as const]
          }),
        ),
      )
      const positions = sinks.flatMap(({ name, formerNames }) => {
        const found = [name, ...formerNames].flatMap((sink) => known.get(sink)?.nextOffset ?? [])
        return found.length === 0 ? [] : [Math.max(...found)]
      })
      return {
        settled: own?.nextOffset ?? this.origins.get(partitionOf(query)),
        lastTimestamp: own?.lastTimestamp ?? undefined,
        sinks:
          positions.length === 0
            ? undefined
            : { smallest: Math.min(...positions), largest: Math.max(...positions) },
      }
    } catch (error) {
      this.forget()
      throw error
    }
  }

  /** The consumer begins here; its position stays when it has one. @throws DatabaseError */
  async begin(query: PositionQuery, offset: number): Promise<void> {
    const own = { ...query, sink: CONSUMER }
    if (!this.exists || this.confirmed.get(own) !== undefined) return
    await this.database.transaction(
      `beginning ${query.topic} in the ledger "${this.table.table}"`,
      (client) => beginPartition(client, this.table, query, offset),
    )
    this.confirmed.set(own, offset)
    this.origins.set(partitionOf(query), offset)
  }

  /**
   * The flow has settled everything before these offsets. The consumer's positions move there, unless the database has
   * lost what it had confirmed of a partition: then its listeners hear of it.
   * @throws DatabaseError
   */
  async settle(
    query: GroupQuery,
    settled: readonly PartitionPosition[],
    sinks: readonly DeployedSink[],
  ): Promise<void> {
    if (!this.exists) return
    const names = [CONSUMER, ...sinks.map(({ name }) => name)]
    // Before the ledger is read: a sink that commits meanwhile is ahead of what was read, and has lost nothing.
    const moves = settled.map((move) => {
      const { topic, partition } = move
      const keys = names.map((sink) => ({ ...query, topic, partition, sink }))
      return { move, floors: keys.map((key) => ({ key, position: this.confirmed.get(key) })) }
    })
    const rewound: LedgerRewound[] = []
    const due: PartitionPosition[] = []
    await this.database.transaction(
      `settling positions in the ledger "${this.table.table}"`,
      async (client) => {
        const stored = await readPartitions(client, this.table, query, settled)
        for (const { move, floors } of moves) {
          const { topic, partition } = move
          const rows = new Map(
            stored
              .filter((row) => row.topic === topic && row.partition === partition)
              .map(({ sink, offset }) => [sink, offset]),
          )
          const lost = floors.find(({ key, position }) => (position ?? -1) > (rows.get(key.sink) ?? -1))
          if (lost === undefined) due.push(move)
          else rewound.push(new LedgerRewound(lost.key, lost.position ?? 0, rows.get(lost.key.sink)))
        }
        if (due.length > 0) await settlePartitions(client, this.table, query, due)
      },
    )
    for (const { topic, partition, offset } of due) {
      const own = { ...query, topic, partition, sink: CONSUMER }
      if (offset > (this.confirmed.get(own) ?? Infinity)) this.confirmed.set(own, offset)
    }
    for (const each of rewound) this.tell(each)
  }

  /**
   * A stopped partition goes on at this offset: the positions of these sinks and of the consumer that are before it, and
   * all that are behind the end, are set to it, and their counts begin anew.
   * @throws DatabaseError
   */
  async release(query: PositionQuery, sinks: readonly string[], offset: number, end: number): Promise<void> {
    await this.prepare()
    const released = await this.database.transaction(
      `releasing ${query.topic} partition ${query.partition} in the ledger "${this.table.table}"`,
      async (client) => {
        await beginPartition(client, this.table, query, offset)
        return releasePositions(client, this.table, query, [CONSUMER, ...sinks], offset, end)
      },
    )
    this.origins.delete(partitionOf(query))
    for (const sink of released) this.confirmed.set({ ...query, sink }, offset)
  }
}

function withoutColumns({ schema, table }: TableName, names: readonly string[]): DatabaseError {
  const text =
    `the ledger "${schema}"."${table}" is of an older version and has no column ${names.join(', ')}; let the ` +
    'PostgreSQL configuration create the ledger once, or add these columns as its help says'
  return new DatabaseError('configuration', '42703', text, 'the ledger needs new columns')
}
