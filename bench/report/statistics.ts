/** What becomes of numbers that were measured several times. */

/** Of an even number of values the mean of the two in the middle; NaN of none. Values that are not numbers are left out. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const upper = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[upper]!
  return sorted.length === 0 ? NaN : (sorted[upper - 1]! + sorted[upper]!) / 2
}

/** The largest divided by the smallest: 1 when all are equal, NaN of none. */
export function spread(values: readonly number[]): number {
  return values.length === 0 ? NaN : Math.max(...values) / Math.min(...values)
}

/** Medians of the same figures of several rounds; a figure that one round lacks is the median of the others. */
export function medians<Figure extends string>(
  rounds: readonly Partial<Record<Figure, number>>[],
): Partial<Record<Figure, number>> {
  const figures = new Set(rounds.flatMap((round) => Object.keys(round) as Figure[]))
  const found: Partial<Record<Figure, number>> = {}
  for (const figure of figures) found[figure] = median(rounds.map((round) => round[figure] ?? NaN))
  return found
}
