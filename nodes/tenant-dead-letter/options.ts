/** The options of `tenant-dead-letter`; its dialog uses this table as well. */
import { newTopicOptions } from '../../src/kafka/topics/topic-check'
import { nameOption } from '../../src/postgres/connect/name-option'
import { KAFKA_TOPIC, KAFKA_TOPIC_EXPECTED } from '../../src/tenant/kafka-topic'
import { choice, flag, text } from '../../src/config/options'

export const options = {
  target: choice(['kafka', 'table'], 'kafka'),
  topic: text({
    default: 'iot-dead-letters',
    required: true,
    pattern: KAFKA_TOPIC,
    expects: KAFKA_TOPIC_EXPECTED,
  }),
  missingTopic: choice(['wait', 'create'], 'wait'),
  ...newTopicOptions(1, 14),
  schema: nameOption('public'),
  table: nameOption('iot_dead_letters'),
  createTable: flag(true),
}
