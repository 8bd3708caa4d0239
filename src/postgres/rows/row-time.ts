/**
 * Which time a row has. The device's is a measurement, where there is one. The others say when a record arrived: Kafka's
 * timestamp, and the time at which the message was received, which replaces a timestamp that the table has no place for.
 * The database's clock never does: an old topic that is read from its beginning would be stored under today.
 */
import { parseInstant } from '../../time/instant'
import type { WireRecord } from '../../wire/message'
import { keptFromMs } from './kept-time'
import { isWithin } from './record-time'
import type { RowMapping } from './row-mapping'

/** Where a row's time is from: the device, Kafka's timestamp, or the clock of the process that received the message. */
export type TimeSource = 'device' | 'kafka' | 'arrival'

export interface RowTime {
  readonly timeMs: number
  readonly source: TimeSource
  /** It replaces a time of higher precedence that cannot be used. */
  readonly isReplaced: boolean
}

export interface TimeRules extends Pick<RowMapping, 'timeProperty' | 'bounds' | 'boundTime' | 'keeping'> {
  /** The time is part of the key that recognizes a repeated record: one that depends on the clock would store it twice. */
  readonly isKey: boolean
}

/**
 * @param own the value of the property that has the device's time
 * @returns `undefined` when the time of arrival has no place in the table, and no other may replace it
 */
export function rowTime(
  rules: TimeRules,
  record: WireRecord,
  own: unknown,
  nowMs: number,
): RowTime | undefined {
  const isDevices = rules.timeProperty !== undefined
  const measured = isDevices ? parseInstant(own) : undefined
  if (measured !== undefined && isWithin(rules.bounds, measured, nowMs))
    return { timeMs: measured, source: 'device', isReplaced: false }
  const stamped = record.kafka?.timestamp
  const received = isTimestamp(record.receivedAt) ? record.receivedAt : undefined
  if (!isTimestamp(stamped)) {
    const timeMs = received ?? nowMs
    return hasPlace(rules, timeMs, nowMs) ? { timeMs, source: 'arrival', isReplaced: isDevices } : undefined
  }
  if (hasPlace(rules, stamped, nowMs)) return { timeMs: stamped, source: 'kafka', isReplaced: isDevices }
  if (rules.isKey || received === undefined) return undefined
  if (!hasPlace(rules, received, nowMs) || !isKept(rules, received, nowMs)) return undefined
  return { timeMs: received, source: 'arrival', isReplaced: true }
}

function hasPlace({ boundTime, bounds }: TimeRules, timeMs: number, nowMs: number): boolean {
  return !boundTime || isWithin(bounds, timeMs, nowMs)
}

function isKept({ keeping }: TimeRules, timeMs: number, nowMs: number): boolean {
  return keeping === undefined || timeMs >= keptFromMs(keeping, nowMs)
}

/** Kafka's timestamp is -1 when a record has none. */
function isTimestamp(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15
}
