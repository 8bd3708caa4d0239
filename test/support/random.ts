/** Random numbers that a printed seed repeats. */

/** `TEST_SEED`, or a new one. */
export function testSeed(): number {
  const given = process.env.TEST_SEED
  return given === undefined || given === '' ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}

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
