/** What `ledger show` and `ledger audit` share: which positions, and what Kafka has of their partitions. */
import { text } from '../../src/config/options'
import type { KafkaCluster } from '../../src/kafka/cluster'
import type { KafkaRange } from '../../src/postgres/audit/audit'
import type { LedgerLine } from '../../src/postgres/audit/audit-statements'
import { PipelineError } from '../../src/wire/errors'
import type { Flow } from '../connections/flow'
import { withKafka } from '../connections/open'

export const LEDGER_OPTIONS = {
  group: { reads: text(), value: 'NAME', what: 'only positions of this consumer group' },
  topic: { reads: text(), value: 'NAME', what: 'only positions in this Kafka topic' },
  sink: { reads: text(), value: 'NAME', what: 'only positions of the sink of this name' },
} as const

export interface LedgerFilter {
  readonly group: string
  readonly topic: string
  readonly sink: string
}

export const isWanted =
  ({ group, topic, sink }: LedgerFilter) =>
  (line: LedgerLine): boolean =>
    (group === '' || line.group === group) &&
    (topic === '' || line.topic === topic) &&
    (sink === '' || line.sink === sink)

/**
 * For each line; `undefined` when no Kafka is configured, or the position is of another cluster.
 * @throws PipelineError when Kafka does not answer
 */
export async function rangesOf(flow: Flow, lines: readonly LedgerLine[]): Promise<KafkaRange[]> {
  if (flow.all('tenant-kafka-cluster').length === 0 || lines.length === 0) return lines.map(() => undefined)
  return withKafka(flow, async (cluster) => {
    const clusterId = await cluster.admin.clusterId()
    const topics = await cluster.topicNames()
    const ranges: KafkaRange[] = []
    for (const line of lines)
      ranges.push(line.clusterId === clusterId ? await rangeOf(cluster, topics, line) : undefined)
    return ranges
  })
}

async function rangeOf(
  cluster: KafkaCluster,
  topics: ReadonlySet<string>,
  { topic, partition }: LedgerLine,
): Promise<KafkaRange> {
  if (!topics.has(topic)) return 'missing'
  try {
    return await cluster.admin.offsets({ topic, partition })
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'KAFKA_UNKNOWN_TOPIC') return 'missing'
    throw error
  }
}
