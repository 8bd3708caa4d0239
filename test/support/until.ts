/** Waits for a state instead of a time. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Fails only when the state has not come for so long that it will not come. */
const GIVE_UP_MS = 45_000

export async function until(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  { giveUpMs = GIVE_UP_MS, pollMs = 10 } = {},
): Promise<void> {
  const giveUpAt = Date.now() + giveUpMs
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) {
      throw new Error(`it did not come to this: ${typeof what === 'string' ? what : what()}`)
    }
    await sleep(pollMs)
  }
}
