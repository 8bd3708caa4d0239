/** How fast a process drains what waits for it: a counter's rate from its first growth to its goal; start-up is left out. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures } from './report/figures'
import type { Subject } from './subjects/subject'

const POLL_MS = 50
const STALLED_AFTER_MS = 60_000
const MB = 2 ** 20

/**
 * @param count how many of the goal have arrived
 * @throws Error when the counter does not grow for a minute
 */
export async function watchDrain(
  goal: number,
  count: () => Promise<number>,
  subject: Subject,
  signal: AbortSignal,
): Promise<Figures> {
  const before = await subject.usage(true)
  let first: Growth | undefined
  /** A busy process answers late: what it has done until then belongs to its processor time. */
  let busyFrom = { count: 0, cpuMicros: before.cpuMicros }
  let last: Growth = { at: performance.now(), count: 0 }
  let usage = before
  let maxRss = before.rss
  while (last.count < goal) {
    await sleep(POLL_MS, undefined, { signal })
    const counted = await count()
    const at = performance.now()
    if (counted > last.count) {
      last = { at, count: counted }
      usage = await subject.usage()
      maxRss = Math.max(maxRss, usage.maxRss)
      if (first === undefined) {
        first = last
        busyFrom = { count: await count(), cpuMicros: usage.cpuMicros }
      }
    } else if (at - last.at > STALLED_AFTER_MS) {
      throw new Error(`stalled at ${last.count} of ${goal}: ${subject.lastWords()}`)
    }
  }
  const from = first ?? last
  return {
    rate: (last.count - from.count) / ((last.at - from.at) / 1000),
    cpuEach: (usage.cpuMicros - busyFrom.cpuMicros) / (last.count - busyFrom.count),
    rss: maxRss / MB,
    rssGrowth: (maxRss - before.rss) / MB,
  }
}

interface Growth {
  readonly at: number
  readonly count: number
}
