/** Waits for a state, never for a time; the limit only ends a test that would never end. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000

type Condition = () => boolean | Promise<boolean>

interface Limits {
  readonly limitMs?: number
  readonly pollMs?: number
  readonly what?: string
}

/** @throws Error that names the state, when it was not met */
export async function until(what: string, condition: Condition): Promise<void>
export async function until(condition: Condition, limits?: Limits): Promise<void>
export async function until(first: string | Condition, second?: Condition | Limits): Promise<void> {
  const condition = typeof first === 'string' ? (second as Condition) : first
  const limits = typeof second === 'object' ? second : {}
  const { limitMs = LIMIT_MS, pollMs = 20, what = String(first) } = limits
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`not within ${limitMs / 1000} s: ${what}`)
    await sleep(pollMs)
  }
}
