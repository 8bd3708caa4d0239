/** What the integration tests of the PostgreSQL sink share: records, ranges, and the parts put together. */
import { BatchWriter, type BatchWriterOptions } from '../../src/postgres/sink/batch-writer'
import { defaultColumns } from '../../src/postgres/rows/columns'
import { connectionConfig } from '../../src/postgres/connect/connection'
import { Database, type DatabaseOptions } from '../../src/postgres/connect/database'
import { Ledger } from '../../src/postgres/ledger/ledger'
import { prepareDeadLetters } from '../../src/postgres/dead-letters/dead-letters'
import { sibling } from '../../src/postgres/connect/identifiers'
import { NewestRow } from '../../src/postgres/refusals/newest-row'
import { DailyPartitions } from '../../src/postgres/table/partitions'
import { DAY_MS } from '../../src/postgres/rows/record-time'
import { encodeRows } from '../../src/postgres/rows/row-encoder'
import { dropOutdated, type RetentionOptions } from '../../src/postgres/table/retention'
import { SharedTable, type RowTarget } from '../../src/postgres/write/row-target'
import { CopyWriter, type RowWriter } from '../../src/postgres/write/row-writer'
import { SharedRefusals } from '../../src/postgres/refusals/shared-refusals'
import { EarlierAttempts } from '../../src/postgres/sink/earlier-attempts'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { listPartitions, markPutOff } from '../../src/postgres/table/partition-statements'
import { prepareTable } from '../../src/postgres/table/table'
import { TenantBreakers } from '../../src/postgres/refusals/tenant-breakers'
import { SinkTables, type SinkTablesOptions } from '../../src/postgres/sink/sink-tables'
import { TableSink, type TableSinkOptions } from '../../src/postgres/sink/table-sink'
import { Witnesses } from '../../src/postgres/refusals/witnesses'
import type { KafkaRange, WireRecord } from '../../src/wire/message'
import { keptLog } from './events'

export const TABLE = { schema: 'public', table: 'iot_messages' }
export const LEDGER = { schema: 'public', table: 'iot_ledger' }
export const DEAD_LETTERS = { schema: 'public', table: 'iot_dead_letters' }
export const POSITION_KEY = ['tenant_id', 'kafka_topic', 'kafka_partition', 'kafka_offset', 'time']
export const REFUSER = { id: 'sink1', type: 'tenant-postgres-sink' }

/** A record as the consumer emits it. The tenants take turns. */
export function record(offset: number, fields: Partial<WireRecord> = {}): WireRecord {
  return {
    topic: `mtic/msg/client/realtime/t${offset % 3}/p/d`,
    tenant: `t${offset % 3}`,
    project: 'p',
    device: 'd',
    messageId: `m${offset}`,
    payload: Buffer.from(JSON.stringify({ sequence: offset })),
    kafka: { topic: 'iot-messages', partition: 0, offset, timestamp: Date.now(), headers: { unit: 'C' } },
    ...fields,
  }
}

/** A record with this Kafka timestamp. */
export function recordAt(offset: number, timestamp: number): WireRecord {
  return record(offset, { kafka: { topic: 'iot-messages', partition: 0, offset, timestamp, headers: {} } })
}

/** Records of the offsets `from` up to, not including, `to`. */
export function records(from: number, to: number): WireRecord[] {
  return Array.from({ length: to - from }, (_, index) => record(from + index))
}

export function range(firstOffset: number, nextOffset: number, partition = 0): KafkaRange {
  return { clusterId: 'c', group: 'g', topic: 'iot-messages', partition, firstOffset, nextOffset }
}

export const ledgerKey = { clusterId: 'c', group: 'g', topic: 'iot-messages', partition: 0, sink: 'sink1' }

export function openDatabase(url: string, change: Partial<DatabaseOptions> = {}): Database {
  return new Database({
    connection: connectionConfig(url, 'auto'),
    poolSize: 4,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 20_000,
    lockTimeoutMs: 5_000,
    ...change,
  })
}

const ledgers = new WeakMap<Database, Ledger>()

/** The ledger that all sinks and consumers of a database share here. */
export function ledgerOf(database: Database): Ledger {
  const found = ledgers.get(database) ?? new Ledger(database, LEDGER, true)
  ledgers.set(database, found)
  return found
}

/** A writer on a table of ours, with everything it needs created. */
export async function openWriter(
  database: Database,
  change: Partial<Omit<BatchWriterOptions, 'targets'> & RowTarget> = {},
): Promise<BatchWriter> {
  const columns = defaultColumns('jsonb')
  const ledger = ledgerOf(database)
  await ledger.prepare()
  await prepareDeadLetters(database, DEAD_LETTERS)
  const { types } = await prepareTable(database, { table: TABLE, columns, create: true, key: undefined })
  const { table, mapping, writer, partitions, ...others } = {
    table: TABLE,
    mapping: {
      columns,
      types,
      payloadType: 'jsonb' as const,
      timeProperty: undefined,
      bounds: { pastDays: 31, futureDays: 1 },
      boundTime: true,
      keeping: undefined,
      key: [],
    },
    writer: copyWriter(),
    partitions: new DailyPartitions(database, TABLE),
    ...change,
  }
  return new BatchWriter({
    database,
    ledger,
    targets: new SharedTable({
      ...{ table, mapping, writer, partitions },
      encode: (records, nowMs, refusedDays) => encodeRows(mapping, records, nowMs, refusedDays),
    }),
    breakers: new TenantBreakers(),
    refusals: new SharedRefusals(),
    earlier: new EarlierAttempts(),
    witnesses: new Witnesses(),
    newestRow: new NewestRow(),
    deadLetters: DEAD_LETTERS,
    refuser: REFUSER,
    deliverRejected: () => Promise.reject(new Error('nothing should be delivered')),
    ...others,
  })
}

export function copyWriter(): RowWriter {
  return new CopyWriter(
    TABLE,
    defaultColumns('jsonb').map(({ name }) => name),
  )
}

/** How a sink differs from that of most tests. */
export type SinkChange = Partial<Omit<TableSinkOptions, 'tables'> & SinkTablesOptions>

export function openSink(database: Database, change: SinkChange = {}): TableSink {
  const options = sinkOptions(database, change)
  return new TableSink({ ...options, tables: (onChange) => new SinkTables(options, onChange) })
}

export function sinkOptions(
  database: Database,
  change: SinkChange = {},
): Omit<TableSinkOptions, 'tables'> & SinkTablesOptions {
  return {
    database,
    ledger: ledgerOf(database),
    replayTables: new Map(),
    table: TABLE,
    tenantSchemas: undefined,
    reader: undefined,
    createTable: true,
    columns: defaultColumns('jsonb'),
    payloadType: 'jsonb',
    timeProperty: undefined,
    bounds: { pastDays: 31, futureDays: 1 },
    exactlyOnce: 'ledger',
    key: POSITION_KEY,
    ledgerName: 'sink1',
    target: `${(change.table ?? TABLE).schema}.${(change.table ?? TABLE).table}`,
    limits: { maxRows: 1000, maxBytes: 1_000_000, lingerMs: 5 },
    retentionDays: 3,
    hypertable: { chunkHours: 24, compressAfterDays: 0 },
    deadLetters: DEAD_LETTERS,
    // A position under the id of another sink's node would be taken over.
    refuser: { ...REFUSER, id: change.ledgerName ?? REFUSER.id },
    deliverRejected: () => Promise.resolve(),
    onChange: () => undefined,
    events: new SinkEvents(keptLog().log),
    ...change,
  }
}

/**
 * Drops what is outdated, as the retention does when it has waited: the rows of tests fall on single days, and
 * days without rows between them make it wait (`drop-guard.ts`).
 */
export async function dropOutdatedLater(database: Database, options: RetentionOptions): Promise<number> {
  const longAgo = Date.now() - 2 * options.days * DAY_MS
  await database.transaction('waiting for a day', async (client) => {
    for (const { name, pending } of await listPartitions(client, options.table))
      if (!pending) await markPutOff(client, sibling(options.table, name), longAgo)
  })
  const putOffAtMs = new Map<string, number>()
  putOffAtMs.get = () => longAgo
  const watch = { clockWasSet: false, gotRowsLately: () => false, putOffAtMs }
  return (await dropOutdated(database, options, watch)).count
}
