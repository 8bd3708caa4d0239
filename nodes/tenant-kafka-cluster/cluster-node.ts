/** What other nodes see of a `tenant-kafka-cluster` node. */
import type { Node } from 'node-red'
import type { KafkaCluster } from '../../src/kafka/cluster'
import { PipelineError } from '../../src/wire/errors'
import type { Users } from '../../src/runtime/users'

export interface KafkaClusterNode extends Node {
  /** `undefined` when the configuration is wrong; then `problem` says why. */
  cluster?: KafkaCluster
  users?: Users
  problem?: PipelineError
}

/**
 * The cluster that a node has chosen.
 * @param found what `RED.nodes.getNode` gave for the chosen id
 * @throws PipelineError `CONFIG_INVALID` when none is chosen, or its configuration is wrong
 */
export function requireCluster(found: unknown): KafkaCluster {
  const { cluster, problem } = (found ?? {}) as Partial<KafkaClusterNode>
  if (cluster !== undefined) return cluster
  throw (
    problem ??
    new PipelineError('CONFIG_INVALID', '"cluster" is nothing; choose a Kafka cluster', {
      retryable: false,
      statusText: 'choose a Kafka cluster',
    })
  )
}
