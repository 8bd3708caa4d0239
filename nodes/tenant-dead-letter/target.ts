/** From the node's configuration to the place where its dead letters go. */
import { KafkaDeadLetterTarget } from '../../src/kafka/dead-letter-target'
import { readOptions } from '../../src/runtime/options'
import type { DeadLetterTarget } from '../../src/tenant/dead-letter-queue'
import { requireCluster } from '../tenant-kafka-cluster/cluster-node'
import { options } from './options'

export interface DeadLetterDef {
  readonly cluster?: string
  readonly database?: string
}

export interface OpenTarget extends DeadLetterTarget {
  /** Lets go of the connection it has used. */
  close(): Promise<void>
}

const HOUR_MS = 3_600_000

/** @throws PipelineError `CONFIG_INVALID` */
export function openTarget(config: DeadLetterDef, nodeOf: (id: string) => unknown): OpenTarget {
  const values = readOptions(options, config)
  const { topic, partitions, replicas, retentionHours } = values
  const cluster = requireCluster(config.cluster && nodeOf(config.cluster))
  const retention = { 'retention.ms': String(retentionHours * HOUR_MS) }
  const target = new KafkaDeadLetterTarget(cluster, {
    topic,
    create: values.createTopic ? { topic, partitions, replicas, config: retention } : undefined,
  })
  const release = cluster.users.add()
  return {
    write: (letters) => target.write(letters),
    close: () => target.close().finally(release),
  }
}
