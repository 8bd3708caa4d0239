/**
 * The consumer's own position in each partition, under the name `CONSUMER`: everything below it is settled by the flow.
 *
 * It follows within a second, in a transaction that sees the positions of the sinks as they were confirmed. So it is never
 * durable ahead of the rows that it stands for, and after a failover to a standby that was behind it has gone back with
 * them.
 */
import type {
  GroupQuery,
  KnownPositions,
  PositionQuery,
  PositionStore,
  SettledOffset,
} from '../../wire/positions'
import type { Database } from '../connect/database'
import type { DeployedSinks } from './deployed-sinks'
import {
  beginPartition,
  knownPositions,
  type Position,
  readPartitions,
  releasePositions,
  settlePartitions,
} from './ledger-statements'
import type { LedgerTable } from './ledger-table'
import type { PartitionMemory } from './partition-memory'
import { CONSUMER } from './position'
import { LedgerRewound } from './range-plan'

type RewoundListener = Parameters<PositionStore['onRewound']>[0]

export class ConsumerPositions implements PositionStore {
  private readonly listeners = new Set<RewoundListener>()

  constructor(
    private readonly database: Database,
    private readonly table: LedgerTable,
    private readonly memory: PartitionMemory,
    private readonly sinks: DeployedSinks,
  ) {}

  /**
   * The consumer's own position, and those of the deployed sinks. A sink without one may be downstream of another
   * consumer, so it does not count here: if it is downstream of this one, it has not settled anything, and neither the
   * consumer's position nor Kafka's committed offset has moved.
   */
  async positions(query: PositionQuery, assignment: number): Promise<KnownPositions> {
    const { memory, table } = this
    memory.noteAssignment(query, assignment)
    const sinks = this.sinks.allNames
    try {
      if (sinks.length > 0) await table.prepare()
      else if (!(await table.isThere())) return NOTHING
      const known = await this.database.withClient(this.doing('reading'), (client) =>
        knownPositions(client, table.name, query),
      )
      const offsetOf = (name: string): number[] => {
        const found = known.get(name)
        return found === undefined ? [] : [found.nextOffset]
      }
      const mine = [CONSUMER, ...this.sinks.names]
      memory.reset(
        query,
        mine.flatMap((sink) => offsetOf(sink).map((offset) => [sink, offset] as const)),
      )
      const reached = sinks.flatMap((names) => {
        const offsets = names.flatMap(offsetOf)
        return offsets.length === 0 ? [] : [Math.max(...offsets)]
      })
      const own: Position | undefined = known.get(CONSUMER)
      return {
        settled: own?.nextOffset ?? memory.origin(query),
        lastTimestamp: own?.lastTimestamp ?? undefined,
        sinks:
          reached.length === 0
            ? undefined
            : { smallest: Math.min(...reached), largest: Math.max(...reached) },
      }
    } catch (error) {
      table.exists = false
      throw error
    }
  }

  async begin(query: PositionQuery, offset: number): Promise<void> {
    const { memory, table } = this
    const own = { ...query, sink: CONSUMER }
    if (!table.exists || memory.confirmed(own) !== undefined) return
    await this.database.transaction(this.doing(`beginning ${query.topic} in`), (client) =>
      beginPartition(client, table.name, query, offset),
    )
    memory.confirm(own, offset)
    memory.setOrigin(query, offset)
  }

  /** A partition of which the database has lost what it had confirmed is left out: its listeners hear of it. */
  async settle(query: GroupQuery, settled: readonly SettledOffset[]): Promise<void> {
    const { memory, table } = this
    if (!table.exists) return
    const names = [CONSUMER, ...this.sinks.names]
    // Before the ledger is read: a sink that commits meanwhile is ahead of what was read, and has lost nothing.
    const moves = settled.map((move) => {
      const { topic, partition } = move
      const keys = names.map((sink) => ({ ...query, topic, partition, sink }))
      return { move, floors: keys.map((key) => ({ key, position: memory.confirmed(key) })) }
    })
    const rewound: LedgerRewound[] = []
    const due: SettledOffset[] = []
    await this.database.transaction(this.doing('settling positions in'), async (client) => {
      const stored = await readPartitions(client, table.name, query, settled)
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
      if (due.length > 0) await settlePartitions(client, table.name, query, due)
    })
    for (const { topic, partition, offset } of due) {
      const own = { ...query, topic, partition, sink: CONSUMER }
      if (offset > (memory.confirmed(own) ?? Infinity)) memory.confirm(own, offset)
    }
    for (const each of rewound) this.tell(each)
  }

  /** The positions that are set count from there on. */
  async release(query: PositionQuery, offset: number, end: number): Promise<void> {
    const { memory, table } = this
    await table.prepare()
    const sinks = [CONSUMER, ...this.sinks.allNames.flat()]
    const released = await this.database.transaction(
      this.doing(`releasing ${query.topic} partition ${query.partition} in`),
      async (client) => {
        await beginPartition(client, table.name, query, offset)
        return releasePositions(client, table.name, query, sinks, offset, end)
      },
    )
    memory.setOrigin(query, undefined)
    for (const sink of released) memory.confirm({ ...query, sink }, offset)
  }

  onRewound(listener: RewoundListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(rewound: LedgerRewound): void {
    for (const listener of this.listeners) listener(rewound.key, rewound)
  }

  private doing(what: string): string {
    return `${what} the ledger "${this.table.name.table}"`
  }
}

const NOTHING: KnownPositions = { settled: undefined, lastTimestamp: undefined, sinks: undefined }
