/** What the rows of the second leg look at: positions in the ledger and in Kafka, and what Node-RED has logged. */
import { ConfigResourceTypes } from 'kafkajs'
import { tableExists } from '../../dev/accounting'
import type { FlowEntry, LoggedLine, NodeRed } from '../../dev/node-red'
import type { StoppedAnswer } from '../../nodes/tenant-kafka-consumer/stopped-routes'
import type { StoppedPartition } from '../../src/kafka/group/stopped-partitions'
import { withAdmin } from '../support/kafka'
import type { StagedPostgres } from './staged-postgres'
import { TOPIC, type Stage } from './stage'

/** Of example 01. */
export const GROUP = 'tenant-pipeline-01'

/** The next offset of each partition. */
export type Positions = ReadonlyMap<number, number>

/** @throws Error when the stage has no second leg */
export function postgresOf({ postgres }: Stage): StagedPostgres {
  if (postgres === undefined) throw new Error('the stage has no PostgreSQL')
  return postgres
}

/** Empty while the sink has not created its table. */
export async function ledgerOf(stage: Stage): Promise<Positions> {
  if (!(await tableExists(postgresOf(stage).client, 'iot_ledger'))) return new Map()
  const { rows } = await postgresOf(stage).client.query<{ partition: number; next: number }>(
    `select "partition", min(next_offset)::float8 as next from iot_ledger where topic = $1 and sink <> '' group by 1`,
    [TOPIC],
  )
  return new Map(rows.map(({ partition, next }) => [partition, next]))
}

/** What the dialog of the consumer shows. */
export async function stoppedPartitions(stage: Stage): Promise<readonly StoppedPartition[]> {
  const answer = await stage.nodeRed.ask('tenant-kafka-consumer', consumerOf(stage), 'stopped')
  return (answer as StoppedAnswer).partitions
}

/** Presses the button of the dialog for each stopped partition. */
export async function releaseStopped(
  stage: Stage,
  offsetOf: (stopped: StoppedPartition) => number,
): Promise<void> {
  for (const stopped of await stoppedPartitions(stage)) {
    const { topic, partition } = stopped
    const question = { topic, partition, offset: offsetOf(stopped) }
    await stage.nodeRed.ask('tenant-kafka-consumer', consumerOf(stage), 'stopped/release', question)
  }
}

function consumerOf({ flow }: Stage): string {
  const { id } = flow.find(({ type }) => type === 'tenant-kafka-consumer') ?? {}
  if (id === undefined) throw new Error('the flow has no consumer')
  return id
}

/** Whether retention has deleted everything. */
export async function isEmpty({ kafka }: Stage): Promise<boolean> {
  const offsets = await withAdmin(kafka.address, (admin) => admin.fetchTopicOffsets(TOPIC))
  return offsets.every(({ low, high }) => low === high)
}

/** What the group has committed to Kafka. */
export function committedOf({ kafka }: Stage): Promise<Positions> {
  return withAdmin(kafka.address, async (admin) => {
    const [answer] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
    return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  })
}

/** One after the last offset of each partition. */
export function endsOf({ kafka }: Stage): Promise<Positions> {
  return withAdmin(kafka.address, async (admin) => {
    const offsets = await admin.fetchTopicOffsets(TOPIC)
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
  })
}

/** How many records `behind` still lags `ahead`. */
export function distance(ahead: Positions, behind: Positions): number {
  let sum = 0
  for (const [partition, offset] of ahead)
    sum += Math.max(0, offset - Math.max(0, behind.get(partition) ?? 0))
  return sum
}

/** The codes of all that a Node-RED logs from now on. */
export function codesOf(nodeRed: NodeRed): string[] {
  const codes: string[] = []
  nodeRed.onTold = (told) => {
    const line = (told as { readonly logged?: LoggedLine }).logged?.msg as
      { readonly code?: unknown } | undefined
    if (typeof line?.code === 'string') codes.push(line.code)
  }
  return codes
}

/** The flow without what brings messages to Kafka. */
export function secondLegOf(flow: readonly FlowEntry[]): FlowEntry[] {
  const first = ['tenant-mqtt-source', 'tenant-topic', 'tenant-kafka-producer', 'tenant-mqtt-broker']
  return flow.filter(({ type }) => !first.includes(type))
}

/** The node that `withReader` adds. */
export const READER = 'another-reader'

/** The flow and one more consumer, which copies what it reads to a topic: the oracle knows nothing of either. */
export function withReader(
  flow: readonly FlowEntry[],
  change: { readonly topics: string; readonly group: string },
  copy: string,
): FlowEntry[] {
  const ofType = (type: string): FlowEntry | undefined => flow.find((entry) => entry.type === type)
  const [consumer, producer] = [ofType('tenant-kafka-consumer'), ofType('tenant-kafka-producer')]
  if (consumer === undefined || producer === undefined)
    throw new Error('the flow has no consumer or producer')
  const missingTopic = 'wait'
  const writer = `${READER}-writes`
  return [
    ...flow,
    { ...consumer, ...change, id: READER, database: '', missingTopic, wires: [[writer], []] },
    { ...producer, id: writer, topic: copy, missingTopic, wires: [[]] },
  ]
}

/** Sets the configuration of the topic, besides the time of its records. */
export async function configureTopic({ kafka }: Stage, config: Record<string, string> = {}): Promise<void> {
  const entries = Object.entries({ 'message.timestamp.type': 'LogAppendTime', ...config })
  const configEntries = entries.map(([name, value]) => ({ name, value }))
  await withAdmin(kafka.address, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configEntries }],
    }),
  )
}
