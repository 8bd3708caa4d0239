/**
 * How fast one connection writes batches: COPY and ledger in one transaction, 300 B of JSON into jsonb.
 *
 *     npx tsx bench/postgres-writer.ts [records=400000] [rows in a batch=2000] [connections=1] [ledger|key]
 */
import { performance } from 'node:perf_hooks'
import { startPostgres } from '../dev/services/postgres'
import { BatchWriter } from '../src/postgres/sink/batch-writer'
import { defaultColumns } from '../src/postgres/rows/columns'
import { connectionConfig } from '../src/postgres/connect/connection'
import { CopyWriter } from '../src/postgres/write/row-writer'
import { Database } from '../src/postgres/connect/database'
import { Ledger } from '../src/postgres/ledger/ledger'
import { DailyPartitions } from '../src/postgres/table/partitions'
import type { RowMapping } from '../src/postgres/rows/row-mapping'
import { SharedTable } from '../src/postgres/write/row-target'
import { StagedWriter } from '../src/postgres/write/staged-writer'
import { prepareTable } from '../src/postgres/table/table'
import { SharedRefusals } from '../src/postgres/refusals/shared-refusals'
import { NewestRow } from '../src/postgres/refusals/newest-row'
import { Witnesses } from '../src/postgres/refusals/witnesses'
import { TenantBreakers } from '../src/postgres/refusals/tenant-breakers'
import type { WireRecord } from '../src/wire/message'

const [total = 400_000, batchRows = 2_000, connections = 1] = process.argv.slice(2, 5).map(Number)
const byKey = process.argv[5] === 'key'
const TABLE = { schema: 'public', table: 'bench_messages' }
const KEY = ['tenant_id', 'kafka_topic', 'kafka_partition', 'kafka_offset', 'time']

function batch(partition: number, firstOffset: number): WireRecord[] {
  return Array.from({ length: batchRows }, (_, index) => {
    const offset = firstOffset + index
    const device = `sensor-${offset % 200}`
    const payload = {
      deviceId: device,
      timestamp: 1732715160,
      temperature: 25.3,
      humidity: 65.2,
      sequence: offset,
    }
    return {
      topic: `mtic/msg/client/realtime/tenant${offset % 20}/project1/${device}`,
      tenant: `tenant${offset % 20}`,
      project: 'project1',
      device,
      messageId: `k3x9-${offset}`,
      payload: Buffer.from(JSON.stringify({ ...payload, pad: 'x'.repeat(190) })),
      kafka: { topic: 'iot-messages', partition, offset, timestamp: Date.now(), headers: {} },
    }
  })
}

async function main(): Promise<void> {
  const server = await startPostgres()
  const database = new Database({
    connection: connectionConfig(server.address, 'auto'),
    poolSize: connections,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 10_000,
  })
  const ledger = new Ledger(database, { schema: 'public', table: 'bench_ledger' }, true)
  try {
    await ledger.prepare()
    const columns = defaultColumns('jsonb')
    const key = byKey ? KEY : undefined
    const { types } = await prepareTable(database, { table: TABLE, columns, create: true, key })
    const partitions = new DailyPartitions(database, TABLE)
    await partitions.ensureAhead()
    const names = columns.map(({ name }) => name)
    const mapping: RowMapping = {
      columns,
      types,
      payloadType: 'jsonb',
      timeProperty: undefined,
      bounds: { pastDays: 31, futureDays: 1 },
      boundTime: true,
      keeping: undefined,
      key: byKey ? KEY : [],
    }
    const rows = byKey ? new StagedWriter(TABLE, names, KEY) : new CopyWriter(TABLE, names)
    const writer = new BatchWriter({
      database,
      ledger,
      targets: new SharedTable({ table: TABLE, mapping, writer: rows, partitions }),
      breakers: new TenantBreakers(),
      refusals: new SharedRefusals(),
      witnesses: new Witnesses(),
      newestRow: new NewestRow(),
      deadLetters: undefined,
      refuser: { id: 'bench', type: 'bench' },
      deliverRejected: () => Promise.resolve(),
    })
    const rounds = Math.floor(total / batchRows / connections)
    const batches = Array.from({ length: connections }, (_, partition) =>
      Array.from({ length: rounds }, (_, round) => batch(partition, round * batchRows)),
    )
    const cpu = process.cpuUsage()
    const startedAt = performance.now()
    await Promise.all(
      batches.map(async (list, partition) => {
        const key = { group: 'bench', clusterId: 'bench', topic: 'iot-messages', partition, sink: 'bench' }
        for (const [round, records] of list.entries()) {
          const firstOffset = round * batchRows
          const range = { ...key, firstOffset, nextOffset: firstOffset + batchRows }
          await (byKey ? writer.writeRecords(records) : writer.writeRange(key, range, records))
        }
      }),
    )
    const seconds = (performance.now() - startedAt) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const written = rounds * batchRows * connections
    const perRow = ((user + system) / written).toFixed(1)
    console.log(`${Math.round(written / seconds).toLocaleString('en')} rows/s, Node ${perRow} µs per row`)
  } finally {
    await database.close()
    await server.stop()
  }
}

void main()
