/** Waits for a state instead of a time. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Fails only when the state has not come for so long that it will not come. */
const GIVE_UP_MS = 45_000

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`it did not come to this: ${what}`)
    await sleep(10)
  }
}
