/**
 * The page that Prometheus reads: what all watched nodes count at this moment, and what Node.js says of itself. A metric asks
 * for its values when it is read, so nothing is counted here between two scrapes, and a node that is gone has no series.
 */
import { collectDefaultMetrics, Gauge, Registry, type Metric as PrometheusMetric } from 'prom-client'
import { Distribution } from './distribution'
import { METRICS, type MetricName } from './metrics'
import { labelsOf, type Sample, type Samples, type WatchedNode, type WatchedNodes } from './watched-nodes'

/** One line of the page. */
export interface Line {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Where it is not the metric's own name. */
  readonly metricName?: string
}

interface Seen {
  readonly label: string
  readonly node: WatchedNode
  readonly samples: Samples
}

export class Scrape {
  readonly registry = new Registry()
  private seen: readonly Seen[] = []

  /** @param build what `tenant_pipeline_build_info` says */
  constructor(
    private readonly nodes: WatchedNodes,
    build: Readonly<Record<string, string>>,
  ) {
    const { registry } = this
    for (const name of Object.keys(METRICS) as MetricName[]) {
      registry.registerMetric(this.metric(name) as unknown as PrometheusMetric)
    }
    new Gauge({
      name: BUILD_INFO,
      help: 'Always 1; its labels say what runs.',
      labelNames: Object.keys(build),
      registers: [registry],
    }).set(build, 1)
    collectDefaultMetrics({ register: registry })
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** All values are of one moment: the registry asks every metric before it lets go of the event loop. */
  page(): Promise<string> {
    this.look()
    return this.registry.metrics()
  }

  private look(): void {
    const { all } = this.nodes
    const labels = labelsOf(all)
    this.seen = all.map((node) => ({ node, label: labels.get(node) as string, samples: samplesOf(node) }))
  }

  /** What `Registry` uses of a metric. The classes of prom-client count themselves, and one call for each message costs. */
  private metric(name: MetricName): object {
    const { type, help, label } = METRICS[name]
    const get = (): object => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: this.seen.flatMap(({ label: node, samples }) => linesOf(name, label, node, samples[name])),
    })
    return { name, help, type, get: () => Promise.resolve(get()), reset: () => undefined }
  }
}

/** Not in the table: it belongs to the process, not to a node. */
export const BUILD_INFO = 'tenant_pipeline_build_info'

function samplesOf(node: WatchedNode): Samples {
  const { type } = node
  const own = node.samples?.() ?? {}
  if (node.unready === undefined) return own
  const ready = node.unready() === undefined ? 1 : 0
  return { ...own, tenant_pipeline_node_ready: new Map([[type, ready]]) }
}

/** The lines of one metric at one node. */
export function linesOf(
  name: string,
  label: string | undefined,
  node: string,
  sample: Sample | undefined,
): Line[] {
  if (sample === undefined) return []
  if (typeof sample === 'number') return [{ labels: { node }, value: sample }]
  if (sample instanceof Distribution) return distributionLines(name, { node }, sample)
  return [...sample].flatMap(([text, each]) => {
    const labels = { node, [label as string]: text }
    return typeof each === 'number' ? [{ labels, value: each }] : distributionLines(name, labels, each)
  })
}

function distributionLines(
  name: string,
  labels: Readonly<Record<string, string>>,
  { bounds, cumulative, count, sum }: Distribution,
): Line[] {
  const bucket = (le: string, value: number): Line => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  })
  return [
    ...bounds.map((bound, at) => bucket(String(bound), cumulative[at] as number)),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
