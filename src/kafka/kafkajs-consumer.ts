/** Reads batches through kafkajs. */
import { PipelineError } from '../runtime/errors'
import type { KafkaConnection } from './connection'
import type { ConsumerOptions, KafkaConsumer } from './driver'
import type { KafkaLog } from './kafkajs-client'

export function createKafkaJsConsumer(
  _connection: KafkaConnection,
  _options: ConsumerOptions,
  _log: KafkaLog,
): KafkaConsumer {
  throw new PipelineError('KAFKA_NO_CONSUMER', 'this version only writes to Kafka', { retryable: false })
}
