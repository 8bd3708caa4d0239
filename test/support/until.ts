/** Waits for a state, never for a time; the limit only ends a test that would never end. */
import { setTimeout as sleep } from 'node:timers/promises'

const GIVE_UP_MS = 60_000

type Condition = () => boolean | Promise<boolean>

interface Limits {
  readonly giveUpMs?: number
  readonly pollMs?: number
}

/**
 * @param what the state, for the error; a function when the words are known only then
 * @throws Error that names the state, when it did not come
 */
export async function until(
  what: string | (() => string),
  condition: Condition,
  limits?: Limits,
): Promise<void>
export async function until(condition: Condition): Promise<void>
export async function until(
  first: string | (() => unknown),
  second?: Condition,
  { giveUpMs = GIVE_UP_MS, pollMs = 10 }: Limits = {},
): Promise<void> {
  const condition = second ?? (first as Condition)
  const giveUpAt = Date.now() + giveUpMs
  while (!(await condition())) {
    if (Date.now() > giveUpAt) {
      const what = second === undefined || typeof first === 'string' ? String(first) : String(first())
      throw new Error(`it did not come to this: ${what}`)
    }
    await sleep(pollMs)
  }
}
