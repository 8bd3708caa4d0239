/** The part of the dialog that shows the partitions which have stopped, and lets them resume where the user says. */
import type { NodeAPI } from 'node-red'
import type { KafkaSource } from '../../src/kafka/consume/source'
import type { StoppedPartition } from '../../src/kafka/group/stopped-partitions'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { PipelineError } from '../../src/wire/errors'
import { integer, readOptions, text } from '../../src/config/options'

/** A deployed consumer; without a source when its configuration was refused. */
export interface SourceHolder {
  source?: KafkaSource
}

export interface StoppedAnswer {
  readonly partitions: readonly StoppedPartition[]
}

const type = 'tenant-kafka-consumer'
/** A whole number without a default. */
const wanted = integer({ default: -1, min: 0, max: Number.MAX_SAFE_INTEGER, unit: '' })
const question = { topic: text({ required: true }), partition: wanted, offset: wanted }

export function addStoppedRoutes(RED: NodeAPI): void {
  addAdminRoute<SourceHolder>(RED, {
    type,
    action: 'stopped',
    permission: 'read',
    answer: async (node): Promise<StoppedAnswer> => ({ partitions: await sourceOf(node).stopped() }),
  })
  addAdminRoute<SourceHolder>(RED, {
    type,
    action: 'stopped/release',
    permission: 'write',
    answer: async (node, body) => {
      const { topic, partition, offset } = readOptions(question, body)
      await sourceOf(node).release({ topic, partition }, offset)
      return { offset }
    },
  })
}

export function sourceOf({ source }: SourceHolder): KafkaSource {
  if (source !== undefined) return source
  throw new PipelineError('CONFIG_INVALID', 'this consumer does not run: see the log', { retryable: false })
}
