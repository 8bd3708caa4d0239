/** The tables of a roll-up, one for each length of windows, as the engine of the sinks writes to them: as to one table. */
import type { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { Keeping } from '../rows/kept-time'
import type { Reason } from '../rows/rejected'
import type { EncodedRows } from '../rows/row-encoder'
import type { RowMapping } from '../rows/row-mapping'
import type { MaintainedTables } from '../sink/maintained-tables'
import { SharedTable, type RowPartitions, type RowTarget, type RowTargets } from '../write/row-target'
import { RollupEncoder, type RollupRules } from './rollup-rows'
import { RollupBytes, RollupWriter, type RolledUp } from './rollup-writer'
import { WindowTable, type PreparedWindows, type WindowTableOptions } from './window-table'
import { WINDOW_NAMES, type KeptWindow } from './windows'

export interface RollupTablesOptions extends WindowTableOptions, RollupRules {
  readonly windows: readonly KeptWindow[]
  /** Whether the windows that have changed are wanted. */
  readonly tells: () => boolean
  /** A batch is durable. */
  readonly onRolledUp: (rolledUp: RolledUp) => void
}

export class RollupTables implements MaintainedTables {
  readonly areShared = true
  readonly problems: ReadonlyMap<string, PipelineError> = new Map()
  /** From the shortest windows to the longest. */
  private readonly tables: readonly WindowTable[]
  private prepared: Promise<RowTargets> | undefined

  constructor(private readonly options: RollupTablesOptions) {
    this.tables = WINDOW_NAMES.flatMap((name) => {
      const window = options.windows.find((one) => one.name === name)
      return window === undefined ? [] : new WindowTable(window, options)
    })
  }

  get isMaintained(): boolean {
    return this.tables.every((table) => table.isMaintained)
  }

  targets(): Promise<RowTargets> {
    if (this.prepared === undefined) {
      this.prepared = this.open()
      this.prepared.catch(() => (this.prepared = undefined))
    }
    return this.prepared
  }

  forget(): void {
    this.prepared = undefined
    for (const table of this.tables) table.forget()
  }

  noteDays(days: ReadonlySet<number>): void {
    for (const table of this.tables) table.noteDays(days)
  }

  maintain(): void {
    for (const table of this.tables) table.maintain()
  }

  async close(): Promise<void> {
    await Promise.all(this.tables.map((table) => table.close()))
  }

  private async open(): Promise<RowTargets> {
    const prepared: PreparedWindows[] = []
    for (const table of this.tables) prepared.push(await table.prepare())
    return new SharedTable(this.targetOf(prepared))
  }

  private targetOf(prepared: readonly PreparedWindows[]): RowTarget {
    const { timeProperty, bounds, tells, onRolledUp } = this.options
    const boundTime = prepared.some(({ layout }) => layout !== 'plain')
    const keeping = longest(prepared.map((one) => one.keeping))
    const encoder = new RollupEncoder(this.options, boundTime, keeping)
    const tables = this.tables.map(({ name, table }, at) => ({ name, table, keeping: prepared[at]?.keeping }))
    const writer = new RollupWriter(tables, tells)
    const encode = (
      records: readonly WireRecord[],
      nowMs: number,
      refusedDays?: ReadonlyMap<number, Reason>,
    ): EncodedRows => {
      const rows = encoder.encode(records, nowMs, refusedDays)
      return { ...rows, copy: new RollupBytes(rows, tables, writer.returned, onRolledUp) }
    }
    return {
      table: this.options.base,
      mapping: { ...NO_COLUMNS, timeProperty, bounds, boundTime, keeping },
      encode,
      writer,
      partitions: prepared.some(({ partitions }) => partitions !== undefined)
        ? this.partitionsOf(prepared)
        : undefined,
    }
  }

  private partitionsOf(prepared: readonly PreparedWindows[]): RowPartitions {
    return {
      forRows: async (days, nowMs) => {
        const refused = new Map<number, Reason>()
        for (const [at, one] of prepared.entries()) {
          const ofTable = await this.tables[at]?.forRows(one, days, nowMs)
          for (const [day, reason] of ofTable ?? []) refused.set(day, reason)
        }
        return refused
      },
      forget: () => {
        for (const { partitions } of prepared) partitions?.forget()
      },
    }
  }
}

/** A roll-up has no columns that are filled from a record. */
const NO_COLUMNS: Pick<RowMapping, 'columns' | 'types' | 'payloadType' | 'key'> = {
  columns: [],
  types: new Map(),
  payloadType: 'bytea',
  key: [],
}

/** `undefined`: some windows are kept forever. */
function longest(all: readonly (Keeping | undefined)[]): Keeping | undefined {
  let found: Keeping | undefined
  for (const keeping of all) {
    if (keeping === undefined) return undefined
    if (found === undefined || keeping.days > found.days) found = keeping
  }
  return found
}
