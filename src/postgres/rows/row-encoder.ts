/**
 * Encodes records as rows. A record that has no usable time, key or value is rejected, with the reason. Whether its bytes
 * are valid JSON or UTF-8 is left to PostgreSQL, because parsing each payload here would cost more than all the rest.
 */
import { cameFromKafka, type WireRecord } from '../../wire/message'
import { cellOf, encodeRow, type Cell } from './cells'
import type { Column } from './columns'
import { CopyText } from './copy-text'
import { refusedElement } from './elements'
import { keptFromMs, outdated } from './kept-time'
import { DAY_MS } from './record-time'
import { RecordValues } from './record-values'
import type { Reason, RejectedRecord } from './rejected'
import type { RowBytes } from './row-bytes'
import type { RowMapping } from './row-mapping'
import { rowTime, type TimeRules } from './row-time'

export interface EncodedRows {
  readonly copy: RowBytes
  /** The record of each row. */
  readonly records: readonly WireRecord[]
  /** The time of each row. */
  readonly timesMs: readonly number[]
  readonly rejected: readonly RejectedRecord[]
  /** The days (since 1970, UTC) that the rows fall on. */
  readonly days: ReadonlySet<number>
  /** The clock that times were compared with, for encoding the same records once more. */
  readonly nowMs: number
  /** Records of which another time had to replace the device's or Kafka's. */
  readonly timeReplaced: readonly WireRecord[]
  /** Columns without a value in any row, of those whose path may be misspelled. */
  readonly empty: readonly string[]
}

/** What is decided once for a table. */
interface RowPlan {
  readonly cells: readonly Cell[]
  readonly keyColumns: readonly Column[]
  readonly timeRules: TimeRules
}

const plans = new WeakMap<RowMapping, RowPlan>()

function planOf(mapping: RowMapping): RowPlan {
  let plan = plans.get(mapping)
  if (plan === undefined) {
    const keyColumns = mapping.columns.filter(({ name }) => mapping.key.includes(name))
    plan = {
      cells: mapping.columns.map((column) => cellOf(column, mapping.types.get(column.name))),
      keyColumns,
      timeRules: { ...mapping, isKey: keyColumns.some(({ source }) => source.kind === 'time') },
    }
    plans.set(mapping, plan)
  }
  return plan
}

/** @param refusedDays days that the table has no place for, and why */
export function encodeRows(
  mapping: RowMapping,
  records: readonly WireRecord[],
  nowMs: number,
  refusedDays: ReadonlyMap<number, Reason> = new Map(),
): EncodedRows {
  const { cells, keyColumns, timeRules } = planOf(mapping)
  const { keeping, timeProperty } = mapping
  const copy = new CopyText()
  const kept: WireRecord[] = []
  const rejected: RejectedRecord[] = []
  const timesMs: number[] = []
  const timeReplaced: WireRecord[] = []
  const days = new Set<number>()
  const isEmpty = cells.map(({ mayBeMisspelled }) => mayBeMisspelled)
  const keptFrom = keeping === undefined ? -Infinity : keptFromMs(keeping, nowMs)
  const tooLate = (timeMs: number, day: number): Reason | undefined =>
    keeping !== undefined && timeMs < keptFrom ? outdated(timeMs, keeping.days) : refusedDays.get(day)
  let lastDay = NaN
  for (const record of records) {
    const notRecord = refusedElement(record)
    if (notRecord !== undefined) {
      rejected.push({ record, reason: notRecord })
      continue
    }
    const values = new RecordValues(record)
    const own = timeProperty && values.quietlyAt(timeProperty)
    const time = rowTime(timeRules, record, own, nowMs)
    if (time === undefined) {
      rejected.push({ record, reason: NO_TIME })
      continue
    }
    const { timeMs } = time
    const day = Math.floor(timeMs / DAY_MS)
    const reason =
      tooLate(timeMs, day) ??
      emptyKey(keyColumns, record, values) ??
      encodeRow(copy, cells, record, values, time, isEmpty)
    if (reason !== undefined) {
      copy.dropRow()
      rejected.push({ record, reason })
      continue
    }
    copy.endRow()
    kept.push(record)
    timesMs.push(timeMs)
    if (time.isReplaced) timeReplaced.push(record)
    if (day !== lastDay) days.add((lastDay = day))
  }
  const empty = cells.filter((_cell, at) => isEmpty[at]).map(({ name }) => name)
  return { copy, records: kept, timesMs, rejected, days, nowMs, timeReplaced, empty }
}

export const NO_TIME: Reason = {
  code: 'TIME_INVALID',
  text:
    'the Kafka timestamp lies outside of the days that the table accepts, and the record has no usable received-at that ' +
    'could replace it (nothing does where the time is part of the key)',
}

/** A unique index treats empty values as different: a repeated record would become a second row. */
function emptyKey(
  keyColumns: readonly Column[],
  record: WireRecord,
  values: RecordValues,
): Reason | undefined {
  if (keyColumns.length === 0 || !cameFromKafka(record)) return undefined
  const empty = keyColumns.find(
    ({ source }) => source.kind === 'property' && isEmpty(values.quietlyAt(source.path)),
  )
  return empty && { code: 'KEY_MISSING', text: `the key column "${empty.name}" has no value` }
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    (value instanceof Uint8Array && value.length === 0)
  )
}
