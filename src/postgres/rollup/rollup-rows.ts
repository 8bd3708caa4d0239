/**
 * Turns the records of a batch into points, and any run of them into aggregates. A record that has no usable time, or names
 * that PostgreSQL could not store, is rejected, with the reason. One without a number is none of that: it adds nothing.
 */
import type { WireRecord } from '../../wire/message'
import { refusedElement } from '../rows/elements'
import { keptFromMs, type Keeping } from '../rows/kept-time'
import { DAY_MS } from '../rows/record-time'
import { RecordValues } from '../rows/record-values'
import { TIME_OUTDATED, type Reason, type RejectedRecord } from '../rows/rejected'
import { NO_TIME, type EncodedRows } from '../rows/row-encoder'
import { rowTime, type TimeRules } from '../rows/row-time'
import type { Point } from './aggregate'
import { findMetrics, type FindMetrics, type Metric } from './metrics'
import { SeriesOfBatch, type Series } from './series'

export interface RollupRules extends Pick<TimeRules, 'timeProperty' | 'bounds'> {
  /** None: all numbers of the payload. */
  readonly metrics: readonly Metric[]
}

/** More numbers than this in one record are a mistake, or an attack: each is a row for each window. */
const MAX_METRICS = 100

/** How long the windows are kept that are kept longest; `undefined`: some are kept forever. */
export type LongestKept = Keeping | undefined

/** The points of one record: those from its end to the end of the record before it. */
export interface Points {
  readonly ends: number[]
  readonly series: Series[]
  readonly points: Point[]
}

export interface RollupRows extends Omit<EncodedRows, 'copy'> {
  readonly points: Points
  /** Values that are no finite number. */
  readonly skipped: number
  /** Records without a number. */
  readonly without: number
}

export class RollupEncoder {
  private readonly find: FindMetrics
  private readonly timeRules: TimeRules

  constructor(
    private readonly rules: RollupRules,
    boundTime: boolean,
    private readonly keeping: LongestKept,
  ) {
    const { metrics, timeProperty, bounds } = rules
    this.find = findMetrics(metrics, timeProperty)
    this.timeRules = { timeProperty, bounds, boundTime, keeping, isKey: false }
  }

  /** @param refusedDays days that the tables have no place for, and why */
  encode(
    records: readonly WireRecord[],
    nowMs: number,
    refusedDays: ReadonlyMap<number, Reason> = new Map(),
  ): RollupRows {
    const kept: WireRecord[] = []
    const rejected: RejectedRecord[] = []
    const timesMs: number[] = []
    const timeReplaced: WireRecord[] = []
    const days = new Set<number>()
    const points: Points = { ends: [], series: [], points: [] }
    const batch = new SeriesOfBatch()
    const keptFrom = this.keeping === undefined ? -Infinity : keptFromMs(this.keeping, nowMs)
    let [skipped, without, lastDay] = [0, 0, NaN]
    for (const record of records) {
      const values = new RecordValues(record)
      const own = this.rules.timeProperty && values.quietlyAt(this.rules.timeProperty)
      const time = rowTime(this.timeRules, record, own, nowMs)
      const reason = refusedElement(record) ?? (time === undefined ? NO_TIME : undefined)
      if (reason !== undefined || time === undefined) {
        rejected.push({ record, reason: reason ?? NO_TIME })
        continue
      }
      const { timeMs } = time
      const day = Math.floor(timeMs / DAY_MS)
      const found = this.find(values)
      const refusal =
        (timeMs < keptFrom ? this.outdated(timeMs) : refusedDays.get(day)) ??
        (found.names.length > MAX_METRICS ? tooMany(found.names.length) : undefined)
      const series = refusal ?? batch.of(record, found.names)
      if ('code' in series) {
        rejected.push({ record, reason: series })
        continue
      }
      const offset = record.kafka?.offset ?? -1
      for (const [at, one] of series.entries()) {
        points.series.push(one)
        points.points.push({ timeMs, offset, value: found.values[at] as number })
      }
      points.ends.push(points.points.length)
      skipped += found.skipped
      if (series.length === 0) without++
      kept.push(record)
      timesMs.push(timeMs)
      if (time.isReplaced) timeReplaced.push(record)
      if (day !== lastDay) days.add((lastDay = day))
    }
    return {
      points,
      skipped,
      without,
      records: kept,
      timesMs,
      rejected,
      days,
      nowMs,
      timeReplaced,
      empty: [],
    }
  }

  private outdated(timeMs: number): Reason {
    const days = this.keeping?.days ?? 0
    const text =
      `the time ${new Date(timeMs).toISOString()} is older than the ${days} days that the longest windows are kept, so they ` +
      'would be dropped within the hour; keep one of the windows longer, then send this dead letter through the flow again'
    return { code: TIME_OUTDATED, text }
  }
}

function tooMany(count: number): Reason {
  const text =
    `the record has ${count} numbers, and at most ${MAX_METRICS} are taken as metrics; name the ones you need under "Metrics", ` +
    'then send this dead letter through the flow again'
  return { code: 'METRICS_EXCEEDED', text }
}
