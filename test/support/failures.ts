/**
 * After each test: looks whether something went wrong that the test did not look for, and prints what a browser shows when the
 * test has failed, since its error says only what was not there. Loaded by `.mocharc.json`.
 */
import type { Context } from 'mocha'

export interface Witness {
  /** What it shows. */
  testimony(): Promise<string>
  /** Throws when something is wrong with it. */
  assertSound(): void
}

export const witnesses = new Set<Witness>()

export const mochaHooks = {
  async afterEach(this: Context): Promise<void> {
    const hasFailed = this.currentTest?.state === 'failed'
    for (const witness of witnesses) {
      if (hasFailed) console.log(await witness.testimony())
      else witness.assertSound()
    }
  },
}
