/** What leaves by the output once it is committed: each window that has changed, as it is now, in a record of its own. */
import type { Message, WireRecord } from '../../wire/message'
import type { ReturnedWindow } from './upsert-statement'
import { WINDOW_MS, type WindowName } from './windows'

export interface ChangedWindow {
  readonly metric: string
  readonly window: WindowName
  /** ISO 8601, as all times here. */
  readonly start: string
  /** Not within the window. */
  readonly end: string
  readonly count: number
  readonly sum: number
  readonly mean: number
  /** Of all its numbers: the square root of their variance. */
  readonly deviation: number
  readonly min: number
  readonly max: number
  readonly first: number
  readonly firstTime: string
  readonly last: number
  readonly lastTime: string
}

export function changedWindow(window: WindowName, row: ReturnedWindow): WireRecord {
  const [count, sum] = [Number(row.count), Number(row.sum)]
  const payload: ChangedWindow = {
    metric: row.metric,
    window,
    start: row.time.toISOString(),
    end: new Date(row.time.getTime() + WINDOW_MS[window]).toISOString(),
    count,
    sum,
    mean: sum / count,
    deviation: Math.sqrt(Number(row.spread)) / count,
    min: row.min,
    max: row.max,
    first: row.first,
    firstTime: row.first_time.toISOString(),
    last: row.last,
    lastTime: row.last_time.toISOString(),
  }
  const { tenant_id: tenant, project_id: project, device_id: device } = row
  return { tenant, project, device, payload }
}

/** A batch, which all nodes of ours take. */
export function changesMessage(windows: readonly WireRecord[]): Message {
  return { batch: true, payload: windows }
}
