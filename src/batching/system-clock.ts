/** The clock of a lane outside tests. */
import type { LaneClock } from './lane'

export const systemClock: LaneClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}
