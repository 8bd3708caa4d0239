/**
 * Whether the machine had time for us: before each measurement a fixed amount of work is timed, and it is looked how
 * much of the processors is in use although nothing of ours has work.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Calm } from './row'
import { median, spread } from './report/statistics'

const WORK = Buffer.alloc(2 ** 20)
const REPEATS = 120
const LOOK_MS = 300
const LOOKS = 10
/** Above these the row says that the machine was busy. */
const CALM_SPREAD = 1.3
const CALM_IN_USE = 0.2

export class CalmWatch {
  private readonly worksMs: number[] = []
  private readonly inUse: number[] = []

  async look(signal: AbortSignal): Promise<void> {
    // What our services still do after the last measurement is over soon.
    for (let attempt = 1; ; attempt++) {
      const before = processorTimes()
      await sleep(LOOK_MS, undefined, { signal })
      const after = processorTimes()
      if (before === undefined || after === undefined) break
      const inUse = (after.busy - before.busy) / (after.all - before.all)
      if (inUse > CALM_IN_USE && attempt < LOOKS) continue
      this.inUse.push(inUse)
      break
    }
    const startedAt = performance.now()
    for (let repeat = 0; repeat < REPEATS; repeat++) createHash('sha1').update(WORK).digest()
    this.worksMs.push(performance.now() - startedAt)
  }

  result(): Calm {
    return { medianMs: median(this.worksMs), spread: spread(this.worksMs), inUse: median(this.inUse) }
  }
}

export function wasBusy({ spread: works, inUse }: Calm): boolean {
  return works > CALM_SPREAD || inUse > CALM_IN_USE
}

/** Of all processors together since the start, in ticks. Linux only. */
function processorTimes(): { busy: number; all: number } | undefined {
  try {
    const times = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/).slice(1, 9).map(Number)
    const all = times.reduce((sum, time) => sum + time, 0)
    return { busy: all - times[3]! - times[4]!, all }
  } catch {
    return undefined
  }
}
