/** The lengths of windows. All of them begin with 1970 in UTC, so each window lies within one of every longer length. */
import { derivedName, sibling, type TableName } from '../connect/identifiers'

export const WINDOW_NAMES = ['1m', '15m', '1h', '1d'] as const
export type WindowName = (typeof WINDOW_NAMES)[number]

const MINUTE_MS = 60_000

export const WINDOW_MS: Readonly<Record<WindowName, number>> = {
  '1m': MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '1d': 24 * 60 * MINUTE_MS,
}

/** The options of a node that choose a length, and say how many days its windows are kept. */
export const WINDOW_OPTIONS = {
  '1m': { chosen: 'minute', days: 'minuteDays', byDefault: true },
  '15m': { chosen: 'quarter', days: 'quarterDays', byDefault: false },
  '1h': { chosen: 'hour', days: 'hourDays', byDefault: true },
  '1d': { chosen: 'day', days: 'dayDays', byDefault: true },
} as const satisfies Readonly<Record<WindowName, object>>

/** @param config as it is in the flow */
export function chosenWindows(config: Readonly<Record<string, unknown>>): readonly WindowName[] {
  return WINDOW_NAMES.filter((name) => {
    const { chosen, byDefault } = WINDOW_OPTIONS[name]
    return (config[chosen] ?? byDefault) === true
  })
}

/** A length that a node keeps. */
export interface KeptWindow {
  readonly name: WindowName
  /** 0: windows are kept forever. */
  readonly retentionDays: number
}

/** Where the window begins that an instant lies in. */
export function windowStart(timeMs: number, name: WindowName): number {
  const lengthMs = WINDOW_MS[name]
  return Math.floor(timeMs / lengthMs) * lengthMs
}

/** Each length has a table of its own, such as `iot_rollup_15m`, because each is kept for a time of its own. */
export function tableOf(base: TableName, name: WindowName): TableName {
  return sibling(base, derivedName(base.table, `_${name}`))
}
