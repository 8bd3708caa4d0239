/** Results as the one Markdown table. */
import { wasBusy } from '../calm'
import type { Row, RowResult, SideResult } from '../row'
import { FIGURES, LATENCIES, numberText, type Figure, type Figures } from './figures'
import { judge } from './judge'

const HEAD = [
  '| row | case | rate, /s (rounds) | compared | CPU each, µs | RSS, MB | besides | at least | held |',
  '|---|---|---:|---:|---:|---:|---|---|---|',
]
/** Figures with a column of their own. */
const COLUMNS: readonly Figure[] = ['rate', 'cpuEach', 'rss']

export function tableOf(rows: readonly Row[], results: readonly RowResult[]): string {
  const lines = rows.flatMap((row) => {
    const result = results.find(({ name }) => name === row.name)
    return result === undefined ? [] : linesOf(row, result)
  })
  return [...HEAD, ...lines].join('\n')
}

function linesOf(row: Row, result: RowResult): string[] {
  const lines = result.sides.map((side, at) => {
    const verdicts = row.targets
      .filter((target) => target.side === side.name)
      .map((target) => judge(target, result.sides))
    const name = at === 0 ? `${row.title} (\`${row.name}\`)` : ''
    return cells([
      name,
      side.peer ? `*${side.name}*` : side.name,
      side.missing ?? rateOf(side),
      ratioOf(row, result, side),
      numberText('cpuEach', side.figures.cpuEach),
      numberText('rss', side.figures.rss),
      besides(side.figures),
      verdicts.map(({ text }) => text).join('<br>'),
      verdicts.map(({ held, measured }) => `${heldText(held)}${held === undefined ? '' : ` (${measured})`}`).join('<br>'), // prettier-ignore
    ])
  })
  if (result.failed !== undefined) {
    const reason = result.failed.split('\n', 1)[0]!
    lines.push(cells([lines.length === 0 ? `${row.title} (\`${row.name}\`)` : '', `**failed**: ${reason}`]))
  }
  return [...lines, cells(['', `*${noteOf(result)}*`])]
}

function heldText(held: boolean | undefined): string {
  if (held === undefined) return 'not measured'
  return held ? 'held' : '**not held**'
}

/** The median, and the rounds' lowest and highest. */
function rateOf({ figures, rounds }: SideResult): string {
  if (figures.rate === undefined) return ''
  const rates = rounds.map(({ rate = NaN }) => rate)
  if (rates.length < 2) return numberText('rate', figures.rate)
  const [least, most] = [Math.min(...rates), Math.max(...rates)].map((rate) => numberText('rate', rate))
  return `${numberText('rate', figures.rate)} (${least} to ${most})`
}

/** `0.84 × Telegraf`. */
function ratioOf(row: Row, { sides }: RowResult, side: SideResult): string {
  const own = row.sides.find(({ name }) => name === side.name)?.reference
  const figure = row.compared ?? 'rate'
  const candidates = own === undefined ? (row.reference ?? []) : [own]
  const found = candidates.map((name) => sides.find((other) => other.name === name))
  const reference = found.find((other) => other?.figures[figure] !== undefined)
  const value = side.figures[figure]
  if (reference === undefined || value === undefined || reference.name === side.name) return ''
  return `${(value / reference.figures[figure]!).toFixed(2)} × ${reference.name}`
}

/** Everything without a column: `row p50 · p95 · p99 · p99.9: 5 · 9 · 18 · 30 ms; Kafka 23 % of a core`. */
function besides(figures: Figures): string {
  const latencies = Object.entries(LATENCIES)
    .filter(([, [first]]) => figures[first] !== undefined)
    .map(([what, each]) => {
      const values = each.map((figure) => numberText(figure, figures[figure]))
      return `${what} p50 · p95 · p99 · p99.9: ${values.join(' · ')} ms`
    })
  const inLatencies: readonly Figure[] = Object.values(LATENCIES).flat()
  const others = (Object.keys(FIGURES) as Figure[])
    .filter(
      (figure) => figures[figure] !== undefined && !COLUMNS.includes(figure) && !inLatencies.includes(figure),
    )
    .map((figure) => {
      const { text, unit } = FIGURES[figure]
      return `${text} ${numberText(figure, figures[figure])}${unit.startsWith('/') ? '' : ' '}${unit}`
    })
  return [...latencies, ...others].join('; ')
}

/** How often it was measured, and whether the machine was quiet. */
function noteOf({ rounds, quick, machine }: RowResult): string {
  const how = `${rounds === 1 ? '1 round' : `medians of ${rounds} rounds`}${quick ? ', few messages (--quick)' : ''}`
  const inUse = Number.isNaN(machine.inUse) ? 'unknown' : `${Math.round(machine.inUse * 100)} %`
  const calm = `fixed work took ${machine.medianMs.toFixed(0)} ms, slowest / fastest ${machine.spread.toFixed(2)}; ${inUse} of the processors in use before we began` // prettier-ignore
  return `${how}; ${wasBusy(machine) ? 'THE MACHINE WAS BUSY' : 'quiet machine'}: ${calm}`
}

function cells(texts: readonly string[]): string {
  const filled = Array.from({ length: 9 }, (_, at) => (texts[at] ?? '').replaceAll('|', '\\|'))
  return `| ${filled.join(' | ')} |`
}
