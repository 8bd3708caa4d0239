/** The options of `tenant-postgres-sink`, and what they mean together; its dialog uses this table as well. */
import { PAYLOAD_TYPES, readColumns, type Column, type PropertyPath } from '../../src/postgres/rows/columns'
import type { TableName } from '../../src/postgres/connect/identifiers'
import { nameOption } from '../../src/postgres/connect/name-option'
import { targetOf } from '../../src/postgres/ledger/sink-name'
import type { SinkSetup } from '../../src/postgres/sink/run-sink'
import type { SinkTablesOptions } from '../../src/postgres/sink/sink-tables'
import { SCHEMA_TEMPLATE, SchemaTemplate } from '../../src/postgres/tenants/tenant-schema'
import { readPath } from '../../src/record/property-path'
import { PipelineError } from '../../src/wire/errors'
import { conflictsOf, keyOf, tenantColumnOf } from '../../src/postgres/sink/option-conflicts'
import { EXPECTED } from '../../src/config/expected'
import { choice, flag, integer, readOptions, text } from '../../src/config/options'
import { phrase } from '../../src/status/phrase'

export const options = {
  schema: nameOption('public'),
  table: nameOption('iot_messages'),
  tenancy: choice(['shared', 'schema'], 'shared'),
  tenantSchema: text({
    default: 'tenant_{tenant}',
    required: true,
    pattern: SCHEMA_TEMPLATE,
    expects: 'tenantSchema',
  }),
  /** Empty: no row-level security. */
  readerRole: nameOption(),
  createTable: flag(true),
  payloadType: choice(PAYLOAD_TYPES, 'jsonb'),
  /** Empty: the Kafka timestamp. */
  timeProperty: text({ expects: 'propertyPath' }),
  pastDays: integer({ default: 31, min: 1, max: 3650, unit: 'days' }),
  futureDays: integer({ default: 1, min: 1, max: 365, unit: 'days' }),
  /** JSON; empty: the default columns. */
  columns: text(),
  exactlyOnce: choice(['ledger', 'key'], 'ledger'),
  key: text({
    default: 'tenant_id, kafka_topic, kafka_partition, kafka_offset, time',
  }),
  /** Empty: what it writes to, see `sink-name.ts`. */
  ledgerName: text(),
  maxRows: integer({ default: 5000, min: 1, max: 50_000, unit: 'rows' }),
  maxBytes: integer({ default: 8_388_608, min: 1024, max: 268_435_456, unit: 'bytes' }),
  lingerMs: integer({ default: 20, min: 0, max: 60_000, unit: 'ms' }),
  /** 0: rows are kept forever. */
  retentionDays: integer({ default: 3, min: 0, max: 3650, unit: 'days' }),
  /** This one and the next: only where there is TimescaleDB. */
  chunkHours: integer({ default: 24, min: 1, max: 8760, unit: 'hours' }),
  /** 0: never. */
  compressAfterDays: integer({ default: 0, min: 0, max: 3650, unit: 'days' }),
  deadLetters: choice(['table', 'output', 'outputUnstored'], 'table'),
  deadLetterTable: nameOption('iot_dead_letters'),
}

export type SinkConfiguration = Omit<SinkTablesOptions, 'database' | 'ledger' | 'events'> &
  Omit<SinkSetup, 'tables'>

/**
 * @throws PipelineError `CONFIG_INVALID`, also for options that do not fit together
 */
export function readSink(config: object): SinkConfiguration {
  const values = readOptions(options, config)
  const table: TableName = { schema: values.schema, table: values.table }
  const columns = readColumns(values.columns, values.payloadType, values.timeProperty !== '')
  const [conflict] = conflictsOf(values, columns)
  if (conflict !== undefined) throw invalid(conflict.option, conflict.expects)
  return {
    table,
    tenantSchemas: values.tenancy === 'schema' ? new SchemaTemplate(values.tenantSchema) : undefined,
    createTable: values.createTable,
    reader: readReader(values.readerRole, columns),
    columns,
    payloadType: values.payloadType,
    timeProperty: values.timeProperty === '' ? undefined : readTimeProperty(values.timeProperty),
    bounds: { pastDays: values.pastDays, futureDays: values.futureDays },
    exactlyOnce: values.exactlyOnce,
    key: values.exactlyOnce === 'key' ? keyOf(values.key) : [],
    ledgerName: values.ledgerName === '' ? targetOf(values) : values.ledgerName,
    target: targetOf(values),
    limits: { maxRows: values.maxRows, maxBytes: values.maxBytes, lingerMs: values.lingerMs },
    retentionDays: values.retentionDays,
    hypertable: { chunkHours: values.chunkHours, compressAfterDays: values.compressAfterDays },
    deadLetters:
      values.deadLetters === 'table' ? { schema: values.schema, table: values.deadLetterTable } : undefined,
    outputMayEnd: values.deadLetters === 'outputUnstored',
  }
}

function readTimeProperty(path: string): PropertyPath {
  // If the property never exists, the log says so: TIME_REPLACED.
  const read = readPath(path, 'any')
  if (read === undefined) throw invalid('timeProperty', EXPECTED.propertyPath)
  return read
}

function readReader(role: string, columns: readonly Column[]): SinkConfiguration['reader'] {
  const tenant = tenantColumnOf(columns)
  return role === '' || tenant === undefined ? undefined : { role, tenantColumn: tenant.name }
}

function invalid(property: string, expects: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `"${property}" does not fit; expected ${expects}`, {
    retryable: false,
    status: phrase('check', { option: property }),
  })
}
