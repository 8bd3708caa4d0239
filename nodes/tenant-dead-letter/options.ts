/** The options of `tenant-dead-letter`; the dialog is tested against this table. */
import { IDENTIFIER } from '../../src/postgres/identifiers'
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
    pattern: /^[A-Za-z0-9._-]{1,249}$/,
    expects: 'a Kafka topic: 1 to 249 letters, digits, ".", "_" and "-"',
  }),
  createTopic: flag(false),
  partitions: integer({ default: 1, min: 1, max: 1000, unit: 'partitions' }),
  replicas: integer({ default: 3, min: 1, max: 15, unit: 'replicas' }),
  retentionHours: integer({ default: 336, min: 1, max: 87_600, unit: 'hours' }),
  schema: identifier('public'),
  table: identifier('iot_dead_letters'),
  createTable: flag(true),
}
