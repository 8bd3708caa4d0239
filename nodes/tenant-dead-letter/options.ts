/** The options of `tenant-dead-letter`; its dialog uses this table as well. */
import { newTopicOptions, topicOption } from '../../src/kafka/topics/topic-plan'
import { nameOption } from '../../src/postgres/connect/name-option'
import { choice, flag } from '../../src/config/options'

export const options = {
  target: choice(['kafka', 'table'], 'kafka'),
  topic: topicOption('iot-dead-letters'),
  missingTopic: choice(['wait', 'create'], 'wait', 'create'),
  ...newTopicOptions(1, 14),
  schema: nameOption('public'),
  table: nameOption('iot_dead_letters'),
  createTable: flag(true),
}
