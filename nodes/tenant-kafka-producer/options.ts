/** The options of `tenant-kafka-producer`. */
import { ERROR_OUTPUT } from '../../src/delivery/sinks/rejected-message'
import type { Compression } from '../../src/kafka/driver'
import type { TenantProducerOptions } from '../../src/kafka/produce/producer'
import { newTopicOptions, topicOption } from '../../src/kafka/topics/topic-plan'
import { choice, integer, readOptions } from '../../src/config/options'
import { VALUE_FORMATS } from '../../src/record/envelope'

const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies readonly Compression[]

export const options = {
  /** Empty: `msg.kafka.topic` says where a record goes. */
  topic: topicOption(),
  format: choice(VALUE_FORMATS, 'raw'),
  compression: choice(COMPRESSIONS, 'snappy'),
  lingerMs: integer({ default: 5, min: 0, max: 10_000, unit: 'ms' }),
  /** kafkajs takes time by the square of the number, so not more. */
  batchRecords: integer({ default: 1000, min: 1, max: 2000, unit: 'records' }),
  /** Below Kafka's own limit for a batch, 1,048,588 bytes, which counts after compression. */
  batchBytes: integer({ default: 900_000, min: 1024, max: 50_000_000, unit: 'bytes' }),
  missingTopic: choice(['wait', 'create', 'reject'], 'wait', 'create'),
  /** For one day; a single tenant has half of it. */
  maxNewTopics: integer({ default: 200, min: 1, max: 100_000, unit: 'topics' }),
  ...newTopicOptions(),
  /** What a rejected record is, when no sink behind the output has stored it: a failure, or gone. */
  deadLetters: choice(ERROR_OUTPUT, 'output'),
}

export interface ProducerConfiguration extends Omit<TenantProducerOptions, 'log'> {
  /** Rejected records that the flow behind the output has ended count as safe. */
  readonly outputMayEnd: boolean
}

/** @throws PipelineError `CONFIG_INVALID` */
export function readProducerOptions(config: object): ProducerConfiguration {
  const { lingerMs, batchRecords, batchBytes, partitions, replicas, retentionMs, deadLetters, ...same } =
    readOptions(options, config)
  return {
    ...same,
    outputMayEnd: deadLetters === 'outputUnstored',
    limits: { lingerMs, maxRecords: batchRecords, maxBytes: batchBytes },
    newTopic: { partitions, replicas, retentionMs },
  }
}
