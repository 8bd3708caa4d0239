/**
 * Mocha's spec output, and then one line that machines read: `N passed, N failed`, alone and last. A run that does
 * not end by itself, because something is still open, says what that is and ends as failed.
 *
 * With `TEST_TIMES` set, that file gets a line for each test file: the seconds its tests and hooks took, and its path.
 */
import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { reporters, Runner } from 'mocha'

/** Long enough for what is on its way out by itself. */
const GRACE_MS = 15_000

class SpecWithCount extends reporters.Spec {
  constructor(runner: Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const timesFile = process.env['TEST_TIMES']
    if (timesFile !== undefined) writeTimes(runner, timesFile)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      // Counted at the end: files that could not be loaded, or have ended their worker, come after the others.
      process.once('exit', () => console.log(`${this.stats.passes} passed, ${this.stats.failures} failed`))
      setTimeout(() => {
        console.error(`still open after the last test: ${process.getActiveResourcesInfo().join(', ')}`)
        // Mocha sets its own code when the process ends; this comes after it.
        process.once('exit', () => (process.exitCode ||= 1))
        process.exit()
      }, GRACE_MS).unref()
    })
  }
}

function writeTimes(runner: Runner, timesFile: string): void {
  const times = new Map<string, number>()
  const add = ({ file = '', duration = 0 }: Mocha.Runnable): void => {
    times.set(file, (times.get(file) ?? 0) + duration)
  }
  runner.on(Runner.constants.EVENT_TEST_END, add)
  runner.on(Runner.constants.EVENT_HOOK_END, add)
  runner.once(Runner.constants.EVENT_RUN_END, () => {
    const lines = [...times]
      .sort(([, one], [, other]) => other - one)
      .map(([file, ms]) => `${(ms / 1000).toFixed(1)}\t${path.relative('', file)}\n`)
    appendFileSync(timesFile, lines.join(''))
  })
}

export = SpecWithCount
