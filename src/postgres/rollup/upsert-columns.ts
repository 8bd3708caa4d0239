/** The table of one length of windows: its columns, the key of a window, and how the parts of an aggregate are written. */
import type { Column } from '../rows/columns'
import { timeText } from '../rows/record-time'
import type { WindowAggregate } from './aggregates'

interface RollupColumn {
  readonly name: string
  readonly type: string
  /** As an element of an array of PostgreSQL, in text. */
  readonly write: (window: WindowAggregate) => string
}

/** A unique index on these; a window is one row. */
export const KEY = ['tenant_id', 'project_id', 'device_id', 'metric', 'time'] as const

const ESCAPED = /["\\]/g

const text = (value: string): string => `"${value.replace(ESCAPED, '\\$&')}"`
const instant = (timeMs: number): string => timeText(timeMs)

export const ROLLUP_COLUMNS: readonly RollupColumn[] = [
  { name: 'time', type: 'timestamptz', write: ({ startMs }) => instant(startMs) },
  { name: 'tenant_id', type: 'text', write: ({ series }) => text(series.tenant) },
  { name: 'project_id', type: 'text', write: ({ series }) => text(series.project) },
  { name: 'device_id', type: 'text', write: ({ series }) => text(series.device) },
  { name: 'metric', type: 'text', write: ({ series }) => text(series.metric) },
  { name: 'count', type: 'bigint', write: ({ aggregate }) => String(aggregate.count) },
  { name: 'sum', type: 'numeric', write: ({ aggregate }) => aggregate.sums.sumText },
  { name: 'sum_squares', type: 'numeric', write: ({ aggregate }) => aggregate.sums.squaresText },
  { name: 'min', type: 'double precision', write: ({ aggregate }) => String(aggregate.min) },
  { name: 'max', type: 'double precision', write: ({ aggregate }) => String(aggregate.max) },
  { name: 'first', type: 'double precision', write: ({ aggregate }) => String(aggregate.first.value) },
  { name: 'first_time', type: 'timestamptz', write: ({ aggregate }) => instant(aggregate.first.timeMs) },
  { name: 'first_offset', type: 'bigint', write: ({ aggregate }) => String(aggregate.first.offset) },
  { name: 'last', type: 'double precision', write: ({ aggregate }) => String(aggregate.last.value) },
  { name: 'last_time', type: 'timestamptz', write: ({ aggregate }) => instant(aggregate.last.timeMs) },
  { name: 'last_offset', type: 'bigint', write: ({ aggregate }) => String(aggregate.last.offset) },
]

/** For creating and checking the table. The sources say only that these are no columns of a message. */
export const TABLE_COLUMNS: readonly Column[] = ROLLUP_COLUMNS.map(({ name, type }) => ({
  name,
  type: `${type} not null`,
  source: name === 'time' ? { kind: 'time' } : { kind: 'property', path: ['rollup', name] },
}))

/** One text for each column: an array of PostgreSQL with the value of each window. */
export function arraysOf(windows: readonly WindowAggregate[]): string[] {
  return ROLLUP_COLUMNS.map(({ write }) => `{${windows.map(write).join(',')}}`)
}
