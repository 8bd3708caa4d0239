/** How the records of a sink become rows of one table. */
import type { ColumnType } from './column-family'
import type { Column, PayloadType, PropertyPath } from './columns'
import type { Keeping } from './kept-time'
import type { TimeBounds } from './record-time'

export interface RowMapping {
  readonly columns: readonly Column[]
  /** Of the table's columns. */
  readonly types: ReadonlyMap<string, ColumnType>
  readonly payloadType: PayloadType
  /** Property with the device's time; `undefined`: the Kafka timestamp. */
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  /** The table has partitions by time, so it has no place for a row outside the bounds. */
  readonly boundTime: boolean
  /** Rows that the retention would drop are refused; `undefined`: all are kept. */
  readonly keeping: Keeping | undefined
  /** Columns by which the staged writer recognizes a record; empty with a ledger. */
  readonly key: readonly string[]
}
