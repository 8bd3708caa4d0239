/**
 * What a topic's settings mean for the promise that an acknowledged record survives the loss of a broker. Pure: the
 * sentences are for the log when a node is deployed.
 */
import type { NewTopic, TopicDescription } from './driver'

export const DEFAULT_PARTITIONS = 6
export const DEFAULT_REPLICAS = 1
/** Three days. */
export const DEFAULT_RETENTION_MS = 259_200_000

export interface TopicPlan {
  readonly partitions: number
  readonly replicas: number
  /** -1 keeps records for ever. */
  readonly retentionMs: number
}

/** With three replicas or more, a record is acknowledged when two have it. */
export function newTopic(topic: string, { partitions, replicas, retentionMs }: TopicPlan): NewTopic {
  const minInSync = replicas >= 3 ? { 'min.insync.replicas': '2' } : {}
  return { topic, partitions, replicas, config: { 'retention.ms': String(retentionMs), ...minInSync } }
}

export function topicWarnings({ topic, replicas, minInSyncReplicas }: TopicDescription): string[] {
  if (replicas === 1) {
    return [
      `Kafka topic ${topic} has one replica: a record is lost with the disk of its broker. Use a topic with three.`,
    ]
  }
  if (minInSyncReplicas === 1) {
    return [
      `Kafka topic ${topic} has ${replicas} replicas, but min.insync.replicas is 1: while the others are down a ` +
        'record counts as stored on one broker alone. Set min.insync.replicas to 2.',
    ]
  }
  if (minInSyncReplicas !== undefined && minInSyncReplicas >= replicas) {
    return [
      `Kafka topic ${topic} has ${replicas} replicas and min.insync.replicas ${minInSyncReplicas}: when one ` +
        'broker stops, nothing can be written. Add replicas.',
    ]
  }
  return []
}
