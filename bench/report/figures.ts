/** The figures that rows measure: what each is called, its unit, and how it is written. */
import type { Percentiles } from './histogram'

const ms = (text: string) => ({ text, unit: 'ms', digits: 1 })
const percent = (text: string) => ({ text, unit: '% of a core', digits: 1 })
const perSecond = (text: string) => ({ text, unit: '/s', digits: 0 })

export const FIGURES = {
  rate: perSecond('rate'),
  cpuEach: { text: 'CPU each', unit: 'µs', digits: 1 },
  rss: { text: 'RSS', unit: 'MB', digits: 0 },
  rssGrowth: { text: 'RSS grown by', unit: 'MB', digits: 0 },
  ackP50: ms('acknowledged p50'),
  ackP95: ms('acknowledged p95'),
  ackP99: ms('acknowledged p99'),
  ackP999: ms('acknowledged p99.9'),
  rowP50: ms('row p50'),
  rowP95: ms('row p95'),
  rowP99: ms('row p99'),
  rowP999: ms('row p99.9'),
  loopP99: ms('event loop p99'),
  lag: { text: 'not stored at the end', unit: 'messages', digits: 0 },
  cpu: percent('process'),
  cpuKafka: percent('Kafka'),
  cpuPostgres: percent('PostgreSQL'),
  transactions: perSecond('transactions'),
  produces: perSecond('produce requests'),
  fetches: perSecond('fetch requests'),
} as const satisfies Record<string, { text: string; unit: string; digits: number }>

export type Figure = keyof typeof FIGURES
export type Figures = Partial<Readonly<Record<Figure, number>>>

/** Shown as one: `acknowledged p50 · p95 · p99 · p99.9`. */
export const LATENCIES = {
  acknowledged: ['ackP50', 'ackP95', 'ackP99', 'ackP999'],
  row: ['rowP50', 'rowP95', 'rowP99', 'rowP999'],
} as const satisfies Record<string, readonly Figure[]>

/** With the digits that the figure has, and a dash for what could not be measured. */
export function numberText(figure: Figure, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  const { digits } = FIGURES[figure]
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export function acknowledgedFigures({ p50, p95, p99, p999 }: Percentiles): Figures {
  return { ackP50: p50, ackP95: p95, ackP99: p99, ackP999: p999 }
}

export function rowFigures({ p50, p95, p99, p999 }: Percentiles): Figures {
  return { rowP50: p50, rowP95: p95, rowP99: p99, rowP999: p999 }
}
