/** The options of `tenant-dead-letter`; the dialog is tested against this table. */
import { choice, flag, integer, text } from '../../src/runtime/options'

export const options = {
  target: choice(['kafka', 'table'], 'kafka'),
  topic: text({
    default: 'iot-dead-letters',
    pattern: /^[A-Za-z0-9._-]{1,249}$/,
    expects: 'a Kafka topic: 1 to 249 letters, digits, ".", "_" and "-"',
  }),
  createTopic: flag(false),
  partitions: integer({ default: 1, min: 1, max: 1000, unit: 'partitions' }),
  replicas: integer({ default: 3, min: 1, max: 15, unit: 'replicas' }),
  retentionHours: integer({ default: 336, min: 1, max: 87_600, unit: 'hours' }),
  table: text({
    default: 'iot_dead_letters',
    pattern: /^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$/,
    expects: 'a table name such as iot_dead_letters or my_schema.iot_dead_letters',
  }),
  createTable: flag(false),
}
