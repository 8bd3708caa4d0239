/** The options with which nodes name a Kafka topic and create one that is missing. */
import { integer, text, type OptionValues } from '../../config/options'
import { KAFKA_TOPIC } from '../../tenant/kafka-topic'
import type { NewTopic } from '../driver'

const DAY_MS = 86_400_000
const REPLICAS_OF_CLUSTER = 0
/** So that one broker can be down while another one holds each record. */
const SAFE_REPLICAS = 3

/** A topic that a node writes to. @param topic the default; without one the option may be empty */
export const topicOption = (topic = '') =>
  text({ default: topic, required: topic !== '', pattern: KAFKA_TOPIC, expects: 'kafkaTopic' })

/** The options of a node that may create topics. */
export const newTopicOptions = (partitions = 6, retentionDays = 3) => ({
  partitions: integer({ default: partitions, min: 1, max: 10_000, unit: 'partitions' }),
  /** `REPLICAS_OF_CLUSTER`: what the cluster has brokers for. */
  replicas: integer({ default: 1, ofNewNode: REPLICAS_OF_CLUSTER, min: 0, max: 10, unit: 'replicas' }),
  /** -1 keeps records indefinitely. */
  retentionMs: integer({
    default: retentionDays * DAY_MS,
    min: -1,
    max: 100 * 365.25 * DAY_MS,
    unit: 'ms',
  }),
})

export interface TopicPlan extends OptionValues<ReturnType<typeof newTopicOptions>> {
  /** Left out: 2 of three replicas or more, else what the broker has. */
  readonly minInSyncReplicas?: number
}

/** A topic that does not say how many replicas it has gets three, or as many as there are brokers. */
export const needsBrokerCount = ({ replicas }: TopicPlan): boolean => replicas === REPLICAS_OF_CLUSTER

/** @param brokers how many the cluster has */
export const replicasFor = (brokers: number): number => Math.max(1, Math.min(SAFE_REPLICAS, brokers))

/**
 * What protects the records, whatever the broker's defaults are: Kafka deletes by age alone, and the age is that of the
 * broker's clock, because a wrong clock here would let a record be deleted before it is read. The broker keeps our
 * compression. With three replicas or more, a record is acknowledged when two have it.
 */
export function newTopic(topic: string, plan: TopicPlan): NewTopic {
  const { partitions, replicas, retentionMs } = plan
  const minInSyncReplicas = plan.minInSyncReplicas ?? (replicas >= 3 ? 2 : undefined)
  const config = {
    'cleanup.policy': 'delete',
    'compression.type': 'producer',
    'message.timestamp.type': 'LogAppendTime',
    'retention.ms': String(retentionMs),
    ...(minInSyncReplicas !== undefined && { 'min.insync.replicas': String(minInSyncReplicas) }),
  }
  return { topic, partitions, replicas, config }
}
