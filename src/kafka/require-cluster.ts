/** The cluster of a `tenant-kafka-cluster` node. */
import { sharedBy, type ConfigNode } from '../runtime/config-node'
import type { KafkaCluster } from './cluster'

export type ClusterNode = ConfigNode<'cluster', KafkaCluster>

/** @param found see `sharedBy` @throws PipelineError `CONFIG_INVALID` */
export function requireCluster(found: unknown): KafkaCluster {
  return sharedBy(found as ClusterNode | null, 'cluster', 'a Kafka cluster', 'chooseCluster')
}
