/** Adds up points by series and window, in the shortest windows first: the longer ones are made of these. */
import { Aggregate } from './aggregate'
import type { Points } from './rollup-rows'
import type { Series } from './series'
import { windowStart, type WindowName } from './windows'

export interface WindowAggregate {
  readonly series: Series
  readonly startMs: number
  readonly aggregate: Aggregate
}

/** Windows of one length by their keys, so that two transactions that write some of the same ones lock them in the same order. */
export type InOrder = readonly WindowAggregate[]

/** By series, and by the start of the window. */
type Windows = Map<Series, Map<number, Aggregate>>

/**
 * @param from  the first record
 * @param to    the record after the last
 * @param names from the shortest to the longest
 * @returns the windows of each of these lengths
 */
export function aggregate(
  { ends, series, points }: Points,
  from: number,
  to: number,
  names: readonly WindowName[],
): InOrder[] {
  const [shortest, ...others] = names
  if (shortest === undefined) return []
  let windows: Windows = new Map()
  const last = to === 0 ? 0 : (ends[to - 1] as number)
  for (let at = from === 0 ? 0 : (ends[from - 1] as number); at < last; at++) {
    const point = points[at] as Points['points'][number]
    const start = windowStart(point.timeMs, shortest)
    const ofSeries = windowsOf(windows, series[at] as Series)
    let found = ofSeries.get(start)
    if (found === undefined) ofSeries.set(start, (found = new Aggregate(point)))
    found.add(point)
  }
  const all = [inOrder(windows)]
  for (const name of others) {
    windows = joined(windows, name)
    all.push(inOrder(windows))
  }
  return all
}

function joined(shorter: Windows, name: WindowName): Windows {
  const windows: Windows = new Map()
  for (const [series, ofShorter] of shorter) {
    const ofSeries = windowsOf(windows, series)
    for (const [shortStart, part] of ofShorter) {
      const start = windowStart(shortStart, name)
      let found = ofSeries.get(start)
      if (found === undefined) ofSeries.set(start, (found = new Aggregate(part.first)))
      found.merge(part)
    }
  }
  return windows
}

function windowsOf(windows: Windows, series: Series): Map<number, Aggregate> {
  let found = windows.get(series)
  if (found === undefined) windows.set(series, (found = new Map<number, Aggregate>()))
  return found
}

function inOrder(windows: Windows): InOrder {
  const all: WindowAggregate[] = []
  for (const [series, ofSeries] of windows) {
    for (const [startMs, aggregate] of ofSeries) all.push({ series, startMs, aggregate })
  }
  return all.sort((one, other) => {
    if (one.series === other.series) return one.startMs - other.startMs
    return one.series.key < other.series.key ? -1 : 1
  })
}
