/** How long to wait before the next attempt: exponential, with full jitter in the upper half. A pure function. */
export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
}

/**
 * @param attempt 1 for the wait after the first failure
 * @param random  0 ≤ random < 1
 */
export function backoffMs(
  attempt: number,
  { initialMs, maxMs }: BackoffOptions,
  random = Math.random(),
): number {
  const ceiling = Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(ceiling / 2 + (ceiling / 2) * random)
}
