/** Prints what a browser shows when a test has failed: its error says only what was not there. Loaded by `.mocharc.json`. */
import type { Context } from 'mocha'

/** What can tell what it shows. */
export interface Witness {
  testimony(): Promise<string>
}

export const witnesses = new Set<Witness>()

export const mochaHooks = {
  async afterEach(this: Context): Promise<void> {
    if (this.currentTest?.state !== 'failed') return
    for (const witness of witnesses) console.log(await witness.testimony())
  },
}
