import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../dev/services/free-port'
import { defineRow, type Side } from '../row'
import { drainAndDrop, topicsOnDemand } from '../second-leg'

interface MetricsSide extends Side {
  readonly env?: Readonly<Record<string, string>>
  readonly isScraped: boolean
}

const QUIET = 'not scraped'
const SCRAPED = 'scraped every second'
const BY_TENANT = 'scraped every second, by tenant'
const SCRAPE_MS = 1000

export const metrics = defineRow<MetricsSide>({
  name: 'metrics',
  title: '8 Metrics',
  measures:
    '300,000 records in six partitions; second leg, default table, Node-RED 5. Prometheus usually scrapes every 15 s. What the nodes count anyway is in both.',
  compared: 'cpuEach',
  reference: [QUIET],
  sides: [
    { name: QUIET, isScraped: false, quick: true },
    { name: SCRAPED, isScraped: true, quick: true },
    { name: BY_TENANT, isScraped: true, env: { TENANT_PIPELINE_METRICS_TENANTS: 'true' } },
  ],
  targets: [
    { side: SCRAPED, figure: 'rate', atLeast: 0.98, of: { side: QUIET, as: 'ratio' } },
    { side: SCRAPED, figure: 'cpuEach', atMost: 1.02, of: { side: QUIET, as: 'ratio' } },
  ],
  open: (measuring) => {
    const records = measuring.size(300_000, 60_000)
    const topicWith = topicsOnDemand()
    return Promise.resolve(async ({ isScraped, env }, now) => {
      const topic = await topicWith(now, { records, partitions: 6 })
      if (!isScraped) return drainAndDrop(now, { topic, records, version: '5' })
      const port = await freePort()
      const drained = new AbortController()
      const scraping = scrape(port, AbortSignal.any([now.signal, drained.signal]))
      try {
        const listener = { TENANT_PIPELINE_METRICS_PORT: String(port), ...env }
        return await drainAndDrop(now, { topic, records, version: '5', env: listener })
      } finally {
        drained.abort()
        await scraping
      }
    })
  },
})

/** Never rejects; as long as nothing listens, there is nothing to read. */
async function scrape(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await fetch(`http://127.0.0.1:${port}/metrics`, { signal })
      .then((response) => response.text())
      .catch(() => undefined)
    await sleep(SCRAPE_MS, undefined, { signal }).catch(() => undefined)
  }
}
