/** Lengths of time as people type them: `90s`, `15m`, `72h`, `3d`. */
import { usage } from './arguments'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Longer than this a number of milliseconds is no timer. */
const MAX_MS = 100 * 365 * 86_400_000

/** @returns milliseconds; `undefined` for no text @throws PipelineError `USAGE` */
export function parseDuration(option: string, given: string): number | undefined {
  if (given === '') return undefined
  const [, digits = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(given) ?? []
  const ms = Number(digits) * (UNIT_MS[unit] ?? NaN)
  if (ms > 0 && ms <= MAX_MS) return ms
  throw usage(
    `--${option} is not a length of time; expected a number with a unit, such as 90s, 15m, 72h or 3d`,
  )
}

/** For people. */
export function shownDuration(ms: number): string {
  for (const [unit, name] of [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
  ] as const)
    if (ms >= unit && ms % unit === 0) return `${ms / unit}${name}`
  return `${ms / 1000}s`
}
