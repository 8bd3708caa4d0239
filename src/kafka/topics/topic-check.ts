/**
 * What a topic's settings mean for the promise that an acknowledged record is there until it has been read. Pure: the
 * sentences are for the log when a node is deployed.
 */
import { shownNumber } from '../../status/shown-number'
import type { TopicDescription } from '../driver'

/**
 * For a node that writes to the topic.
 * @param maxBatchBytes the largest batch that is sent to it, before compression
 */
export function topicWarnings(description: TopicDescription, maxBatchBytes: number): string[] {
  return [
    ...compactionWarnings(description),
    ...replicaWarnings(description),
    ...sizeWarnings(description, maxBatchBytes),
  ]
}

/** Larger batches are refused and cut in halves, which costs requests; a record alone cannot be cut. */
function sizeWarnings({ topic, maxMessageBytes }: TopicDescription, maxBatchBytes: number): string[] {
  if (maxMessageBytes === undefined || maxMessageBytes >= maxBatchBytes) return []
  const [takes, sends] = [maxMessageBytes, maxBatchBytes].map(shownNumber)
  return [
    `Kafka topic ${topic} takes batches of at most ${takes} bytes (max.message.bytes), and this producer sends up to ` +
      `${sends}: larger batches are sent in parts, and a message that is larger is rejected (KAFKA_RECORD_TOO_LARGE). ` +
      'Raise max.message.bytes of the topic, or lower the batch size of the producer.',
  ]
}

/** For readers too: what they have not read yet may be gone. */
export function compactionWarnings({ topic, cleanupPolicy }: TopicDescription): string[] {
  if (cleanupPolicy?.includes('compact') !== true) return []
  return [
    `Kafka topic ${topic} is compacted (cleanup.policy=${cleanupPolicy}): Kafka keeps the newest record of each key ` +
      'and deletes the others, also those that were never read. Set cleanup.policy=delete, unless the newest record ' +
      'of each key is all that you need.',
  ]
}

function replicaWarnings({ topic, replicas, minInSyncReplicas }: TopicDescription): string[] {
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
