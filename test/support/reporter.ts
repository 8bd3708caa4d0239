/** Mocha's spec output, and then one line that machines read: `N passed, N failed`, alone and last. */
import { reporters, Runner } from 'mocha'

class SpecWithCount extends reporters.Spec {
  constructor(runner: Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats
      process.once('exit', () => console.log(`${passes} passed, ${failures} failed`))
    })
  }
}

export = SpecWithCount
