/** Makes rates of counters: of what was seen in the last seconds for a number, of the server's history for the chart. */
import type { Tick } from '../../../src/watch/history'

/** A rate is that of this time: of one second it would jump with every batch. */
const SPAN_MS = 3_000
/** Longer without a look than this, and it begins again. */
const PAUSE_MS = 6_000

interface Look {
  readonly atMs: number
  readonly passed: ReadonlyMap<string, number>
}

export class Rates {
  private looks: Look[] = []

  /** @param atMs on the server's clock */
  look(atMs: number, passed: ReadonlyMap<string, number>): void {
    const last = this.looks.at(-1)
    // A Node-RED that has started again has another clock.
    if (last !== undefined && (atMs <= last.atMs || atMs - last.atMs > PAUSE_MS)) this.looks = []
    this.looks.push({ atMs, passed })
    while (this.looks.length > 2 && atMs - (this.looks[1] as Look).atMs >= SPAN_MS) this.looks.shift()
  }

  /** Records per second; `undefined` before two looks at the node. */
  of(id: string): number | undefined {
    const { looks } = this
    const first = looks.find(({ passed }) => passed.has(id))
    const last = looks.at(-1)
    if (first === undefined || last === undefined || first === last) return undefined
    const now = last.passed.get(id)
    if (now === undefined) return undefined
    return growth(first.passed.get(id) as number, now) / ((last.atMs - first.atMs) / 1000)
  }
}

/** A node that was deployed again counts from 0. */
const growth = (before: number, now: number): number => (now >= before ? now - before : now)

/** Of the chart: seconds since 1970, and for each line records per second; null where nothing was counted. */
export type ChartData = [number[], ...(number | null)[][]]

/** @param lines the ids of the nodes that make up each line */
export function chartData(
  ticks: readonly Tick[],
  lines: readonly ReadonlySet<string>[],
  tickMs: number,
): ChartData {
  const times: number[] = []
  const rates: (number | null)[][] = lines.map(() => [])
  for (let at = 1; at < ticks.length; at++) {
    const before = ticks[at - 1] as Tick
    const tick = ticks[at] as Tick
    const ms = tick.atMs - before.atMs
    const isGap = ms <= 0 || ms > 3 * tickMs
    times.push(tick.atMs / 1000)
    for (const [line, ids] of lines.entries()) {
      let sum: number | null = null
      for (const id of isGap ? [] : ids) {
        const [was, now] = [before.passed[id], tick.passed[id]]
        if (was !== undefined && now !== undefined) sum = (sum ?? 0) + (growth(was, now) * 1000) / ms
      }
      rates[line]?.push(sum)
    }
  }
  return [times, ...rates]
}
