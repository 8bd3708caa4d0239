/** The number after an option of `run.ts` that says how often. */

/** @throws Error with a sentence when it is no whole number from 1 on: nothing would run, and nothing would fail */
export function countOf(option: string, given: string): number {
  if (/^\d+$/.test(given) && Number.isSafeInteger(Number(given)) && Number(given) > 0) return Number(given)
  throw new Error(`--${option} ${given}: say how many with a whole number, 1 or more`)
}
