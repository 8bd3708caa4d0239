/**
 * Mocha's spec output, and then one line that machines read: `N passed, N failed`, alone and last. A run that does
 * not end by itself, because something is still open, says what that is and ends as failed.
 */
import { reporters, Runner } from 'mocha'

/** Long enough for what is on its way out by itself. */
const GRACE_MS = 15_000

class SpecWithCount extends reporters.Spec {
  constructor(runner: Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats
      process.once('exit', () => console.log(`${passes} passed, ${failures} failed`))
      setTimeout(() => {
        console.error(`still open after the last test: ${process.getActiveResourcesInfo().join(', ')}`)
        // Mocha sets its own code when the process ends; this comes after it.
        process.once('exit', () => (process.exitCode ||= 1))
        process.exit()
      }, GRACE_MS).unref()
    })
  }
}

export = SpecWithCount
