/**
 * Writes aggregates into the tables of a roll-up, inside the transaction that moves the position. The rows that the engine
 * hands around as bytes are here the aggregates of a run of records: the arguments of one statement for each table.
 */
import type { ClientBase } from 'pg'
import type { RowWriter } from '../write/row-writer'
import type { RowBytes } from '../rows/row-bytes'
import type { WireRecord } from '../../wire/message'
import type { TableName } from '../connect/identifiers'
import { keptFromMs, type Keeping } from '../rows/kept-time'
import { aggregate } from './aggregates'
import { changedWindow } from './changed-windows'
import type { RollupRows } from './rollup-rows'
import { arraysOf, ROLLUP_COLUMNS } from './upsert-columns'
import { upsert, type ReturnedWindow } from './upsert-statement'
import type { WindowName } from './windows'

/** The table of one length of windows, and how long it is kept. */
export interface WindowTable {
  readonly name: WindowName
  readonly table: TableName
  readonly keeping: Keeping | undefined
}

/** What is known once a batch is durable. */
export interface RolledUp {
  readonly changed: readonly WireRecord[]
  readonly windows: number
  readonly skipped: number
  readonly without: number
}

/** Between two arguments: no text of PostgreSQL contains it. */
const SEPARATOR = '\0'
const NO_WINDOWS = arraysOf([])

/** What the statement has returned, for the bytes that it was given. */
type Returned = WeakMap<Buffer, { readonly windows: number; readonly changed: readonly WireRecord[] }>

export class RollupWriter implements RowWriter {
  readonly returned: Returned = new WeakMap()
  private readonly statements: readonly { readonly quiet: string; readonly telling: string }[]

  /** @param tells whether anything is wired to the output */
  constructor(
    private readonly tables: readonly WindowTable[],
    private readonly tells: () => boolean,
  ) {
    this.statements = tables.map(({ table }) => ({
      quiet: upsert(table, false),
      telling: upsert(table, true),
    }))
  }

  async write(client: ClientBase, rows: Buffer, count: number): Promise<number> {
    const given = rows.length === 0 ? [] : rows.toString().split(SEPARATOR)
    const changed: WireRecord[] = []
    let windows = 0
    const tells = this.tells()
    for (const [at, { name }] of this.tables.entries()) {
      const values = given.slice(at * ROLLUP_COLUMNS.length, (at + 1) * ROLLUP_COLUMNS.length)
      const isEmpty = (values[0] ?? NO_WINDOWS[0]) === NO_WINDOWS[0]
      // Without records the engine asks whether the tables can be written at all.
      if (isEmpty && count > 0) continue
      const statement = this.statements[at] as (typeof this.statements)[number]
      const text = tells ? statement.telling : statement.quiet
      const result = await client.query<ReturnedWindow>(text, isEmpty ? NO_WINDOWS : values)
      windows += result.rowCount ?? 0
      for (const row of result.rows) changed.push(changedWindow(name, row))
    }
    this.returned.set(rows, { windows, changed })
    return count
  }
}

export class RollupBytes implements RowBytes {
  private readonly sent: Buffer[] = []

  constructor(
    private readonly rollup: RollupRows,
    private readonly tables: readonly WindowTable[],
    private readonly returned: Returned,
    private readonly onDurable: (rolledUp: RolledUp) => void,
  ) {}

  get rows(): number {
    return this.rollup.records.length
  }

  slice(from: number, to: number): Buffer {
    const names = this.tables.map(({ name }) => name)
    const all = aggregate(this.rollup.points, from, to, names)
    const values = this.tables.flatMap(({ keeping }, at) => {
      const windows = all[at] ?? []
      const keptFrom = keeping === undefined ? -Infinity : keptFromMs(keeping, this.rollup.nowMs)
      return arraysOf(windows.filter(({ startMs }) => startMs >= keptFrom))
    })
    const bytes = Buffer.from(values.join(SEPARATOR))
    this.sent.push(bytes)
    return bytes
  }

  /** Of several runs of records the last one that has changed a window knows how it is now. */
  release(): void {
    const { skipped, without } = this.rollup
    const changed = new Map<string, WireRecord>()
    let windows = 0
    for (const bytes of this.sent) {
      const returned = this.returned.get(bytes)
      if (returned === undefined) continue
      windows += returned.windows
      for (const record of returned.changed) changed.set(keyOf(record), record)
    }
    this.onDurable({ changed: [...changed.values()], windows, skipped, without })
  }
}

function keyOf({ tenant, project, device, payload }: WireRecord): string {
  const { metric, window, start } = payload as { metric: string; window: WindowName; start: string }
  return JSON.stringify([tenant, project, device, metric, window, start])
}
