/** The chart: how fast each leg drains, ours and its peers, as an SVG without scripts or fonts of its own. */
import type { RowResult } from '../row'
import { numberText } from './figures'

export interface Panel {
  readonly row: string
  readonly title: string
}

const PANELS: readonly Panel[] = [
  { row: 'mqtt-drain', title: 'MQTT → Kafka, messages a second' },
  { row: 'postgres-drain', title: 'Kafka → PostgreSQL, rows a second' },
]
const [WIDTH, LABEL, BAR, LINE, TITLE] = [760, 220, 430, 24, 40]

/** @param note below the bars: when and where they were measured */
export function chartOf(results: readonly RowResult[], note: string, panels = PANELS): string {
  let y = 0
  const parts = panels.flatMap(({ row, title }) => {
    const sides = results.find(({ name }) => name === row)?.sides ?? []
    const bars = sides.flatMap(({ name, peer, figures: { rate } }) =>
      rate === undefined ? [] : [{ name, peer, rate }],
    )
    if (bars.length === 0) return []
    const most = Math.max(...bars.map(({ rate }) => rate))
    y += TITLE
    const heading = `<text class="title" x="0" y="${y - 12}">${escape(title)}</text>`
    return [
      heading,
      ...bars.map(({ name, peer, rate }) => {
        const [top, width] = [y, Math.max(1, Math.round((rate / most) * BAR))]
        y += LINE
        return [
          `<text x="${LABEL - 8}" y="${top + 13}" text-anchor="end">${escape(name)}</text>`,
          `<rect class="${peer ? 'peer' : 'ours'}" x="${LABEL}" y="${top}" width="${width}" height="${LINE - 6}" rx="2"/>`,
          `<text x="${LABEL + width + 6}" y="${top + 13}">${numberText('rate', rate)}</text>`,
        ].join('\n')
      }),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 26}" role="img" aria-label="Messages and rows a second, this package and its peers">
<style>
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold; font-size: 14px }
.note { font-size: 11px }
.ours { fill: #1f6feb }
.peer { fill: #9aa4ae }
@media (prefers-color-scheme: dark) { text { fill: #d0d7de } }
</style>
${parts.join('\n')}
<text class="note" x="0" y="${y + 16}">${escape(note)}</text>
</svg>
`
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
