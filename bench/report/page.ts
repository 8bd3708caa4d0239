/** `docs/performance.md`: what a run has measured is between two markers; what people have written around them stays. */
import type { Row, RowResult } from '../row'
import { tableOf } from './table'

const BEGIN = '<!-- measured by npm run bench; do not edit -->'
const END = '<!-- end of what was measured -->'
const WHOLE = '<!-- a whole run -->'

/** Who measured when, for the page and for `--json`. */
export interface Circumstances {
  /** ISO 8601, day only. */
  readonly date: string
  readonly machine: string
  readonly versions: readonly string[]
}

export interface BenchRun extends Circumstances {
  readonly quick: boolean
  readonly results: readonly RowResult[]
}

/** What `--json` has written: JSON has no NaN, which stands for a figure that a peer does not have. */
export function parseRun(json: string): BenchRun {
  return JSON.parse(json, (_, value: unknown) => (value === null ? NaN : value)) as BenchRun
}

/** Adds the rows that a run has not measured from earlier ones; what took part in any of them is named. */
export function withEarlier(run: BenchRun, earlier: readonly BenchRun[]): BenchRun {
  const runs = [run, ...earlier]
  const byName = new Map<string, RowResult>()
  for (const result of runs.flatMap(({ results }) => results)) {
    if (!byName.has(result.name)) byName.set(result.name, result)
  }
  const results = [...byName.values()]
  return {
    ...run,
    versions: [...new Set(runs.flatMap(({ versions }) => versions))],
    quick: results.some(({ quick }) => quick),
    results,
  }
}

/** The text between the markers. */
export function measuredText(
  rows: readonly Row[],
  { date, machine, versions, quick, results }: BenchRun,
): string {
  const how = quick
    ? '**A quick look (`--quick`), not a whole run: few messages, one round, some rows left out. Its figures only show that the command works.**'
    : 'A whole run. Each row measures its cases in turn, and the figures are medians of the rounds.'
  const list = rows.map(({ name, title, measures }) => `- **${title}** (\`${name}\`): ${measures}`)
  return [
    ...(quick ? [] : [WHOLE]),
    `${how} ${date}, ${machine}; ${versions.join('; ')}.`,
    '',
    tableOf(rows, results),
    '',
    '## What the rows measure',
    '',
    ...list,
  ].join('\n')
}

/**
 * Puts it into the page.
 * @returns `undefined` when the run is a quick one and the page has the figures of a whole one
 * @throws Error when the page lacks the markers
 */
export function pageWith(page: string, measured: string, quick: boolean): string | undefined {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`docs/performance.md needs the lines ${BEGIN} and ${END}`)
  const before = page.slice(from + BEGIN.length, to)
  if (quick && before.includes(WHOLE)) return undefined
  return `${page.slice(0, from)}${BEGIN}\n\n${measured}\n\n${page.slice(to)}`
}
