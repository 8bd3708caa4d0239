/** The page of metrics as Prometheus reads it. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** @throws Error for a line that is none of Prometheus's text format, and for a series that is there twice */
export function parseMetrics(page: string): Series[] {
  const seen = new Set<string>()
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = LINE.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`not a line of metrics: ${line}`)
      const key = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(key)) throw new Error(`twice: ${key}`)
      seen.add(key)
      const pairs = [...labels.matchAll(LABEL)].map(([, label, text]) => [label, text] as const)
      return {
        name,
        labels: Object.fromEntries(pairs) as Record<string, string>,
        value: value === '+Inf' ? Infinity : Number(value),
      }
    })
}

/** The values of a metric by the values of its labels; of those with these labels. */
export function valuesOf(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number[] {
  return series
    .filter((each) => each.name === name)
    .filter((each) => Object.entries(labels).every(([label, value]) => each.labels[label] === value))
    .map(({ value }) => value)
}

export const sumOf = (...of: Parameters<typeof valuesOf>): number =>
  valuesOf(...of).reduce((sum, value) => sum + value, 0)

/**
 * Scrapes all the time, until it is stopped, and keeps what does not add up.
 * @param url of the page
 */
export class Scraper {
  scrapes = 0
  readonly imbalances: string[] = []
  private readonly stopped = new AbortController()
  private readonly running: Promise<void>

  constructor(private readonly url: string) {
    this.running = this.run()
  }

  async stop(): Promise<void> {
    this.stopped.abort()
    await this.running
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const page = await fetch(this.url).then(
        (response) => response.text(),
        () => undefined,
      )
      if (page !== undefined) this.note(page)
      await sleep(100)
    }
  }

  private note(page: string): void {
    this.scrapes++
    for (const { node, received, accounted } of balances(parseMetrics(page))) {
      if (accounted !== received)
        this.imbalances.push(`${node}: ${received} received, ${accounted} accounted for`)
    }
  }
}

const RECEIVED = ['mqtt_messages_received_total', 'kafka_consumer_messages_consumed_total']

/** Of each source: what it has received, and what it accounts for. */
export function balances(
  series: readonly Series[],
): { readonly node: string; readonly received: number; readonly accounted: number }[] {
  return series
    .filter(({ name }) => RECEIVED.includes(name))
    .map(({ labels: { node = '' }, value }) => ({
      node,
      received: value,
      accounted:
        sumOf(series, 'tenant_pipeline_source_records_total', { node }) +
        sumOf(series, 'tenant_pipeline_source_in_flight_records', { node }),
    }))
}
