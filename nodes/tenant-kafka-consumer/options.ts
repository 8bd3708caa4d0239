/** The options of `tenant-kafka-consumer`; its dialog uses this table as well. */
import { WHEN_FILTERED } from '../../src/delivery/redelivery'
import type { KafkaSourceSettings } from '../../src/kafka/consume/source-settings'
import { newTopicOptions } from '../../src/kafka/topics/topic-plan'
import { TopicNames } from '../../src/kafka/topics/topic-names'
import { parseTopics } from '../../src/kafka/topic-selection'
import { PipelineError } from '../../src/wire/errors'
import { parseInstant } from '../../src/time/instant'
import { EXPECTED } from '../../src/config/expected'
import { choice, integer, readOptions, text } from '../../src/config/options'
import { phrase } from '../../src/status/phrase'

export const options = {
  /** Names with commas between them, or one `/pattern/`. */
  topics: text({ required: true, expects: 'kafkaTopics' }),
  group: text({
    required: true,
    pattern: /^[A-Za-z0-9._-]{1,200}$/,
    expects: 'consumerGroup',
  }),
  /** Such as `{tenant}.{project}`; empty: records say themselves whose they are. */
  topicPattern: text({ expects: 'topicNames' }),
  mode: choice(['batch', 'record'], 'batch'),
  start: choice(['earliest', 'latest', 'time'], 'earliest'),
  /** For `start: time`. */
  startTime: text({ expects: 'instant' }),
  maxBatchRecords: integer({ default: 5000, min: 1, max: 100_000, unit: 'records' }),
  maxBatchBytes: integer({ default: 1_048_576, min: 1024, max: 67_108_864, unit: 'bytes' }),
  lingerMs: integer({ default: 25, min: 0, max: 10_000, unit: 'ms' }),
  windowRecords: integer({ default: 1000, min: 1, max: 100_000, unit: 'records' }),
  sessionTimeoutMs: integer({ default: 8000, min: 6000, max: 300_000, unit: 'ms' }),
  assigner: choice(['round-robin', 'sticky'], 'round-robin'),
  deliveryTimeoutMs: integer({ default: 30_000, min: 1000, max: 86_400_000, unit: 'ms' }),
  attempts: integer({ default: 0, min: 0, max: 1_000_000, unit: 'attempts' }),
  /** What a message is that the flow ends on purpose. */
  whenFiltered: choice(WHEN_FILTERED, 'acknowledge'),
  maxDeadLetterAttempts: integer({ default: 3, min: 2, max: 1000, unit: 'attempts' }),
  missingTopic: choice(['wait', 'create'], 'wait', 'create'),
  ...newTopicOptions(),
}

/** @throws PipelineError `CONFIG_INVALID` */
export function readConsumerOptions(nodeId: string, config: object): KafkaSourceSettings {
  const { topics, topicPattern, start, startTime, missingTopic, partitions, replicas, retentionMs, ...same } =
    readOptions(options, config)
  return {
    ...same,
    nodeId,
    topics: parseTopics(topics),
    topicNames: topicPattern === '' ? undefined : TopicNames.compile(topicPattern),
    start: start === 'time' ? { timestamp: timeOf(startTime) } : start,
    createTopics: missingTopic === 'create' ? { partitions, replicas, retentionMs } : undefined,
  }
}

function timeOf(given: string): number {
  const time = parseInstant(given)
  if (time !== undefined) return Math.floor(time)
  throw new PipelineError(
    'CONFIG_INVALID',
    `"startTime" is ${JSON.stringify(given)}; expected ${EXPECTED.instant}`,
    { retryable: false, status: phrase('check', { option: 'startTime' }) },
  )
}
