/** The options of `tenant-dead-letter`; the dialog is tested against this table. */
import { DEFAULT_REPLICAS } from '../../src/kafka/topic-check'
import { IDENTIFIER } from '../../src/postgres/identifiers'
import { KAFKA_TOPIC, KAFKA_TOPIC_EXPECTED } from '../../src/tenant/kafka-topic'
import { choice, flag, integer, text } from '../../src/runtime/options'

const identifier = (byDefault: string): ReturnType<typeof text> =>
  text({
    default: byDefault,
    required: true,
    pattern: IDENTIFIER,
    expects: 'a name of letters, digits and underscores, at most 63',
  })

export const options = {
  target: choice(['kafka', 'table'], 'kafka'),
  topic: text({
    default: 'iot-dead-letters',
    required: true,
    pattern: KAFKA_TOPIC,
    expects: KAFKA_TOPIC_EXPECTED,
  }),
  missingTopic: choice(['wait', 'create'], 'wait'),
  partitions: integer({ default: 1, min: 1, max: 10_000, unit: 'partitions' }),
  replicas: integer({ default: DEFAULT_REPLICAS, min: 1, max: 10, unit: 'replicas' }),
  /** 14 days; -1 keeps dead letters for ever. */
  retentionMs: integer({ default: 1_209_600_000, min: -1, max: 3_155_760_000_000, unit: 'ms' }),
  schema: identifier('public'),
  table: identifier('iot_dead_letters'),
  createTable: flag(true),
}
