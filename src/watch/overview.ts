/** The numbers of each node of the flow that the editor's sidebar shows, out of its metrics. */
import type { Status } from '../status/status'
import { Distribution } from './distribution'
import type { Tick } from './history'
import type { MetricName } from './metrics'
import type { Sample, Samples, WatchedNode, WatchedNodes } from './watched-nodes'

/** Where records pass, in the order of the pipeline; each has the metric that counts them. */
export const STAGES = {
  received: 'mqtt_messages_received_total',
  produced: 'kafka_messages_produced_total',
  consumed: 'kafka_consumer_messages_consumed_total',
  stored: 'postgres_rows_total',
} as const satisfies Readonly<Record<string, MetricName>>

export type Stage = keyof typeof STAGES

const REPLAYED: MetricName = 'tenant_pipeline_replayed_letters_total'
const IN_FLIGHT: readonly MetricName[] = [
  'tenant_pipeline_source_in_flight_records',
  'kafka_producer_waiting_records',
  'postgres_waiting_messages',
]

/** What a node does not count is left out. */
export interface NodeOverview {
  readonly id: string
  /** Inside a subflow. */
  readonly idInFlow?: string | undefined
  readonly type: string
  readonly name?: string | undefined
  readonly status: Status
  readonly stage?: Stage | undefined
  /** Records, since the node was deployed. */
  readonly passed?: number | undefined
  readonly inFlight?: number | undefined
  readonly lag?: number | undefined
  /** Age of the oldest message that is not settled. */
  readonly oldestSeconds?: number | undefined
  /** That it has stored, since it was deployed. */
  readonly deadLetters?: number | undefined
  /** Partitions that wait for the operator. */
  readonly stoppedPartitions?: number | undefined
  /** Of a node that can be paused. */
  readonly paused?: boolean | undefined
}

/** What the sidebar gets when it asks. */
export interface Overview {
  /** On a clock that only moves forward, to make rates of counters. */
  readonly nowMs: number
  readonly nodes: readonly NodeOverview[]
  /** Since it asked last. */
  readonly ticks: readonly Tick[]
}

/** Configuration nodes, which have no status, are left out. */
export function overviewOf({ all }: WatchedNodes): readonly NodeOverview[] {
  return all.flatMap((node) => (node.status === undefined ? [] : [oneOf(node, node.status())]))
}

function oneOf({ id, idInFlow, type, name, samples, paused }: WatchedNode, status: Status): NodeOverview {
  const seen = samples?.() ?? {}
  const stage = (Object.keys(STAGES) as Stage[]).find((each) => seen[STAGES[each]] !== undefined)
  return {
    id,
    idInFlow,
    type,
    name,
    status,
    stage,
    passed: numberOf(seen, stage === undefined ? REPLAYED : STAGES[stage]),
    inFlight: numberOf(seen, ...IN_FLIGHT),
    lag: numberOf(seen, 'kafka_consumer_lag_messages'),
    oldestSeconds: numberOf(seen, 'tenant_pipeline_source_oldest_seconds'),
    deadLetters: numberOf(seen, 'tenant_pipeline_dead_letters_total'),
    stoppedPartitions: numberOf(seen, 'kafka_consumer_stopped_partitions'),
    paused: paused?.(),
  }
}

/** Of the first of these metrics that the node has. */
function numberOf(seen: Samples, ...names: readonly MetricName[]): number | undefined {
  const sample = names.map((name) => seen[name]).find((each) => each !== undefined)
  return sample === undefined ? undefined : sumOf(sample)
}

function sumOf(sample: Sample): number {
  if (typeof sample === 'number') return sample
  if (sample instanceof Distribution) return sample.count
  return [...sample.values()].reduce<number>((sum, each) => sum + sumOf(each), 0)
}
