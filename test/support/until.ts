/** Waits for a state, never for a time; the limit only ends a test that would never end. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000

/** @throws Error with the last problem when the condition was not met */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { limitMs = LIMIT_MS, pollMs = 20, what = String(condition) } = {},
): Promise<void> {
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`not within ${limitMs / 1000} s: ${what}`)
    await sleep(pollMs)
  }
}
