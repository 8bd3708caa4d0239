/** Prepares a table for rows: creates it where the sink may, with partitions, and chooses how to write to it. */
import type { ColumnType } from '../rows/column-family'
import { PAYLOAD_TYPES, type Column, type PayloadType, type PropertyPath } from '../rows/columns'
import { encodeRows } from '../rows/row-encoder'
import type { RowMapping } from '../rows/row-mapping'
import { CopyWriter } from './row-writer'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import type { Keeping } from '../rows/kept-time'
import { DailyPartitions } from '../table/partitions'
import { DAY_MS, type TimeBounds } from '../rows/record-time'
import type { RowTarget } from './row-target'
import { StagedWriter } from './staged-writer'
import { prepareTable, type TableLayout, type TableOptions } from '../table/table'

const HOUR_MS = 3_600_000

export interface RowOptions {
  readonly columns: readonly Column[]
  readonly payloadType: PayloadType
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  readonly createTable: boolean
  /** 0: rows are kept. */
  readonly retentionDays: number
  readonly hypertable: { readonly chunkHours: number }
  readonly reader: TableOptions['reader']
  /** Columns of the unique index of the staged writer; `undefined`: the ledger prevents duplicates. */
  readonly key: readonly string[] | undefined
}

export interface PreparedTable extends RowTarget {
  readonly partitions: DailyPartitions | undefined
  readonly layout: TableLayout
}

/**
 * @param createSchema also create the schema, when the table is created
 * @throws DatabaseError
 */
export async function preparedTable(
  database: Database,
  table: TableName,
  options: RowOptions,
  createSchema: boolean,
): Promise<PreparedTable> {
  const { timeProperty, bounds, createTable: create, reader, key } = options
  const { layout, columns, types } = await prepareTable(database, {
    table,
    columns: options.columns,
    create,
    createSchema,
    reader,
    key,
  })
  const partitions = layout === 'by day' ? new DailyPartitions(database, table) : undefined
  // The maintenance reports a day that cannot have a partition: rows of other days can be written.
  await partitions?.ensureAhead()
  const names = columns.map(({ name }) => name)
  const mapping: RowMapping = {
    columns,
    types,
    payloadType: payloadTypeOf(columns, types),
    timeProperty,
    bounds,
    boundTime: layout !== 'plain',
    keeping: keepingOf(layout, options),
    key: key ?? [],
  }
  return {
    table,
    layout,
    mapping,
    encode: (records, nowMs, refusedDays) => encodeRows(mapping, records, nowMs, refusedDays),
    writer: key === undefined ? new CopyWriter(table, names) : new StagedWriter(table, names, key),
    partitions,
  }
}

/** The actual type of the payload's column: an existing table, not the dialog, decides which payloads are refused. */
function payloadTypeOf(columns: readonly Column[], types: ReadonlyMap<string, ColumnType>): PayloadType {
  const column = columns.find(({ source }) => source.kind === 'payload')
  const name = types.get(column?.name ?? '')?.name
  // A column of another type takes the payload as any value, without screening.
  return PAYLOAD_TYPES.find((type) => type === name) ?? 'bytea'
}

/** Only partitions and chunks that this package creates are dropped: `maintenance.ts`. */
function keepingOf(layout: TableLayout, options: RowOptions): Keeping | undefined {
  const { retentionDays: days, hypertable } = options
  if (days === 0) return undefined
  if (layout === 'by day') return { days, partMs: DAY_MS }
  return layout === 'hypertable' ? { days, partMs: hypertable.chunkHours * HOUR_MS } : undefined
}
