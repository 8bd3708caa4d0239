/** Whether a row has reached its targets. */
import type { SideResult, Target } from '../row'
import { FIGURES, numberText } from './figures'

export interface Verdict {
  /** `rate ≥ 1.25 × Telegraf`. */
  readonly text: string
  /** `undefined` when one of the sides was not measured. */
  readonly held: boolean | undefined
  /** What was measured, as the target counts it: a ratio, a difference, or the figure. */
  readonly measured: string
}

export function judge(target: Target, sides: readonly SideResult[]): Verdict {
  const { figure, atLeast, atMost, of } = target
  const own = figureOf(target.side)
  const other = of === undefined ? undefined : figureOf(of.side)
  const value = of === undefined ? own : of.as === 'ratio' ? own / other! : own - other!
  const known = !Number.isNaN(value)
  const held = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity)
  const measured = !known ? '–' : of?.as === 'ratio' ? value.toFixed(2) : numberText(figure, value)
  return { text: textOf(target), held: known ? held : undefined, measured }

  function figureOf(name: string): number {
    return sides.find((side) => side.name === name)?.figures[figure] ?? NaN
  }
}

function textOf({ figure, atLeast, atMost, of, note }: Target): string {
  const { text, unit } = FIGURES[figure]
  const limit = (atLeast ?? atMost)!.toLocaleString('en-US')
  const sign = atLeast === undefined ? '≤' : '≥'
  const source = note === undefined ? '' : ` (${note})`
  if (of?.as === 'ratio') return `${text} ${sign} ${limit} × ${of.side}${source}`
  const space = unit.startsWith('/') ? '' : ' '
  const above = of === undefined ? '' : ` above ${of.side}`
  return `${text} ${sign} ${limit}${space}${unit}${above}${source}`
}
