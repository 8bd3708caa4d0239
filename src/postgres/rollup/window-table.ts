/** The table of one length of windows: made and checked before the first row, maintained from then on. */
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import { firstKeptPart, type Keeping } from '../rows/kept-time'
import { DAY_MS } from '../rows/record-time'
import type { Reason } from '../rows/rejected'
import type { SinkEvents } from '../sink/sink-events'
import { Arrivals } from '../table/arrivals'
import { TableMaintenance, type MaintainedTable } from '../table/maintenance'
import { DailyPartitions } from '../table/partitions'
import { prepareTable } from '../table/table'
import { KEY, TABLE_COLUMNS } from './upsert-columns'
import { tableOf, type KeptWindow, type WindowName } from './windows'

/** Windows of a day are few: a chunk of TimescaleDB that has a month of them is still small. */
const CHUNK_DAYS: Readonly<Record<WindowName, number>> = { '1m': 1, '15m': 7, '1h': 7, '1d': 30 }

export interface WindowTableOptions {
  readonly database: Database
  /** Of the roll-up, without the length of the windows. */
  readonly base: TableName
  readonly createTable: boolean
  readonly events: SinkEvents
}

export interface PreparedWindows extends MaintainedTable {
  readonly keeping: Keeping | undefined
  readonly partitions: DailyPartitions | undefined
}

export class WindowTable {
  readonly name: WindowName
  readonly table: TableName
  private readonly arrivals = new Arrivals()
  private readonly maintenance: TableMaintenance
  private prepared: Promise<PreparedWindows> | undefined

  constructor(
    private readonly window: KeptWindow,
    private readonly options: WindowTableOptions,
  ) {
    const { database, base, events } = options
    this.name = window.name
    this.table = tableOf(base, window.name)
    this.maintenance = new TableMaintenance({
      ...{ database, events, watch: this.arrivals },
      columns: TABLE_COLUMNS,
      hypertable: { chunkHours: 24 * CHUNK_DAYS[window.name], compressAfterDays: 0 },
      retentionDays: window.retentionDays,
      tables: async () => [await this.prepare()],
      partitions: async () => {
        const { partitions } = await this.prepare()
        return partitions === undefined ? [] : [partitions]
      },
      forgetPartitions: () => {
        void this.prepared?.then(({ partitions }) => partitions?.forget()).catch(() => undefined)
      },
    })
  }

  get isMaintained(): boolean {
    return this.maintenance.isInOrder
  }

  /** @throws DatabaseError */
  prepare(): Promise<PreparedWindows> {
    if (this.prepared === undefined) {
      this.prepared = this.open()
      this.prepared.catch(() => (this.prepared = undefined))
    }
    return this.prepared
  }

  forget(): void {
    this.prepared = undefined
  }

  /** Windows of these days are about to be written. */
  noteDays(days: Iterable<number>): void {
    this.arrivals.note(this.keptDays(days))
  }

  maintain(): void {
    this.maintenance.start()
  }

  close(): Promise<void> {
    return this.maintenance.close()
  }

  /** As `RowPartitions` says. */
  async forRows(
    { partitions }: PreparedWindows,
    days: Iterable<number>,
    nowMs: number,
  ): Promise<ReadonlyMap<number, Reason>> {
    return (await partitions?.forRows(this.keptDays(days), nowMs)) ?? new Map<number, Reason>()
  }

  private async open(): Promise<PreparedWindows> {
    const { database, createTable: create } = this.options
    const { table } = this
    const { layout } = await prepareTable(database, { table, columns: TABLE_COLUMNS, create, key: KEY })
    const partitions = layout === 'by day' ? new DailyPartitions(database, table) : undefined
    await partitions?.ensureAhead()
    const keeping = this.keepingOf(layout)
    await this.maintenance.keepPolicy({ table, layout })
    return { table, layout, keeping, partitions }
  }

  private keepingOf(layout: MaintainedTable['layout']): Keeping | undefined {
    const { name, retentionDays: days } = this.window
    if (days === 0) return undefined
    if (layout === 'by day') return { days, partMs: DAY_MS }
    return layout === 'hypertable' ? { days, partMs: CHUNK_DAYS[name] * DAY_MS } : undefined
  }

  /** Records of earlier days are still counted in the windows that are kept longer. */
  private keptDays(days: Iterable<number>): number[] {
    const { retentionDays } = this.window
    if (retentionDays === 0) return [...days]
    const partMs = DAY_MS
    const first = firstKeptPart({ days: retentionDays, partMs }, this.options.database.clock.now())
    return [...days].filter((day) => day >= first)
  }
}
