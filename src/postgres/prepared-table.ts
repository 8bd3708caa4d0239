/** Makes a table ready for rows: created where that is asked for, with partitions, and the way to write to it. */
import type { Column, PayloadType, PropertyPath } from './columns'
import { CopyWriter } from './copy-writer'
import type { Database } from './database'
import type { TableName } from './identifiers'
import { DailyPartitions } from './partitions'
import type { TimeBounds } from './record-time'
import type { RowTarget } from './row-target'
import { StagedWriter } from './staged-writer'
import { prepareTable, type TableLayout, type TableOptions } from './table'

export interface RowOptions {
  readonly columns: readonly Column[]
  readonly payloadType: PayloadType
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  readonly createTable: boolean
  readonly reader: TableOptions['reader']
  /** Columns of the unique index of the staged writer; `undefined`: the ledger vouches for the rows. */
  readonly key: readonly string[] | undefined
}

export interface PreparedTable extends RowTarget {
  readonly layout: TableLayout
}

/**
 * @param createSchema also make the schema, when the table is made
 * @throws DatabaseError
 */
export async function preparedTable(
  database: Database,
  table: TableName,
  options: RowOptions,
  createSchema: boolean,
): Promise<PreparedTable> {
  const { payloadType, timeProperty, bounds, createTable: create, reader, key } = options
  const { layout, columns, types } = await prepareTable(database, {
    table,
    columns: options.columns,
    create,
    createSchema,
    reader,
    key,
  })
  const partitions = layout === 'by day' ? new DailyPartitions(database, table) : undefined
  await partitions?.ensureAhead()
  const names = columns.map(({ name }) => name)
  return {
    table,
    layout,
    mapping: {
      columns,
      types,
      payloadType,
      timeProperty,
      bounds,
      boundTime: layout !== 'plain',
      key: key ?? [],
    },
    writer: key === undefined ? new CopyWriter(table, names) : new StagedWriter(table, names, key),
    partitions,
  }
}
