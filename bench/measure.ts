/** What both benchmarks measure of a running Node-RED: a counter's rate from first to last growth, and memory. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeRed } from '../dev/node-red'

const POLL_MS = 100
const STALLED_AFTER_MS = 60_000

export interface Measurement {
  /** Per second, from the first growth of the counter to its end. */
  readonly rate: number
  readonly seconds: number
  readonly maxRssMb: number
  /** Above what Node-RED had when it was up. */
  readonly rssGrowthMb: number
  /** Processor time of Node-RED for each one counted, start-up left out. Linux only, else NaN. */
  readonly cpuMicroseconds: number
}

/**
 * Polls a counter until it reaches its goal; start-up is not counted.
 * @throws Error when the counter stops for a minute
 */
export async function measureDrain(
  goal: number,
  count: () => Promise<number>,
  nodeRed: NodeRed,
): Promise<Measurement> {
  let first: { at: number; count: number; cpu: number } | undefined
  let last = { at: performance.now(), count: 0, cpu: 0 }
  const rssBefore = await nodeRed.rssBytes()
  let maxRss = rssBefore
  while (last.count < goal) {
    await sleep(POLL_MS)
    const counted = await count()
    const at = performance.now()
    maxRss = Math.max(maxRss, await nodeRed.rssBytes())
    if (counted > last.count) {
      last = { at, count: counted, cpu: cpuSeconds(nodeRed.pid) }
      first ??= last
    } else if (at - last.at > STALLED_AFTER_MS) {
      throw new Error(`stalled at ${last.count} of ${goal}:\n${nodeRed.logTail()}`)
    }
  }
  const begin = first ?? last
  const [seconds, counted] = [(last.at - begin.at) / 1000, last.count - begin.count]
  const cpuMicroseconds = ((last.cpu - begin.cpu) / counted) * 1e6
  return {
    rate: counted / seconds,
    seconds,
    maxRssMb: maxRss / 2 ** 20,
    rssGrowthMb: (maxRss - rssBefore) / 2 ** 20,
    cpuMicroseconds,
  }
}

/** User and system time of a process so far. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return NaN
  }
}

export function report(
  what: string,
  { rate, seconds, maxRssMb, rssGrowthMb, cpuMicroseconds }: Measurement,
): void {
  const perSecond = Math.round(rate).toLocaleString('en-US')
  const used = `${cpuMicroseconds.toFixed(1)} µs of processor each, RSS at most ${Math.round(maxRssMb)} MB, grown by ${Math.round(rssGrowthMb)} MB`
  console.log(`${what}: ${perSecond}/s over ${seconds.toFixed(1)} s; Node-RED: ${used}`)
}

/** Of an odd number of values the one in the middle, of an even number the upper of the two; NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}
