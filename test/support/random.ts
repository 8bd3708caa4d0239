/**
 * Random numbers that a seed repeats. A run of the tests always draws the same ones, so that a change is judged by what it
 * changes; `TEST_SEED` (a number, or `random`) draws others. Loaded by `.mocharc.json`, for the properties of fast-check.
 */
import fc from 'fast-check'

const ALWAYS = 1

/** `TEST_SEED`, or the one that all runs have. */
export function testSeed(): number {
  const given = process.env.TEST_SEED
  if (given === undefined || given === '') return ALWAYS
  if (given === 'random') return Math.floor(Math.random() * 2 ** 31)
  const seed = Number(given)
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED is a whole number or random, not ${given}`)
  return seed
}

fc.configureGlobal({ seed: testSeed() })

/** Mulberry32: 0 ≤ n < 1, the same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
