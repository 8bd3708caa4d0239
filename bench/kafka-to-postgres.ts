/**
 * How fast the second leg drains a backlog: Kafka → consumer → sink → PostgreSQL, with the example flow as it
 * ships (batches, COPY, position in the same transaction).
 *
 *     npx tsx bench/kafka-to-postgres.ts [--records 500000] [--poison 1]
 *
 * With `--poison` (percent of records that can never be rows) it drains as many clean records first and says what
 * part of their rate is left. Memory: `--records 1000000`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { Client } from 'pg'
import { NodeRed } from '../dev/node-red'
import { freePort } from '../dev/services/free-port'
import { startKafka } from '../dev/services/kafka'
import { startPostgres } from '../dev/services/postgres'
import { example } from './flows'
import { measureDrain, report, type Measurement } from './measure'

const TOPIC = 'iot-messages'
const TABLE = 'iot_history'
const PARTITIONS = 6
const PAYLOAD_BYTES = 300
const { values } = parseArgs({
  options: { records: { type: 'string', default: '500000' }, poison: { type: 'string', default: '0' } },
})
const records = Number(values.records)
const poison = Number(values.poison)

/** What a reader finds wrong in five ways: bytes, text, JSON, an escape, and only PostgreSQL a number. */
const RUBBISH: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe]),
  Buffer.from('{"a":"\0"}'),
  Buffer.from('{"a":'),
  Buffer.from('{"a":"\\u0000"}'),
  Buffer.from('{"a":1e131072}'),
]

async function main(): Promise<void> {
  const clean = await drain(0)
  if (poison === 0) return
  const poisoned = await drain(poison)
  console.log(`${poison} % poison leaves ${(poisoned.rate / clean.rate).toFixed(2)} of the clean rate`)
}

async function drain(poisonPercent: number): Promise<Measurement> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  const database = new Client({ connectionString: postgres.address })
  await database.connect()
  let nodeRed: NodeRed | undefined
  try {
    await fill(kafka.address, poisonPercent)
    nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      env: { MQTT_URL: 'mqtt://127.0.0.1:1', KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address },
      // Dead letters go where the sink puts them by itself, so that they can be counted beside the rows.
      flow: example('03 Kafka to PostgreSQL only', {
        change: { 'tenant-postgres-sink': { deadLetters: 'table' } },
      }),
    })
    // The ledger moves with the rows, in the same transaction; counting the table itself would slow the run down.
    const stored = async (): Promise<number> => {
      const { rows } = await database.query<{ ledger: string | null }>(
        "select to_regclass('iot_ledger') as ledger",
      )
      if (rows[0]?.ledger === null) return 0
      const positions = await database.query<{ n: string }>(
        "select coalesce(sum(next_offset), 0) as n from iot_ledger where sink <> ''",
      )
      return Number(positions.rows[0]?.n)
    }
    const measured = await measureDrain(records, stored, nodeRed)
    report(
      `Kafka to PostgreSQL, ${records} records of ${PAYLOAD_BYTES} B in ${PARTITIONS} partitions, ${poisonPercent} % poison`,
      measured,
    )
    const { rows } = await database.query<{ rows: string; letters: string; positions: string }>(
      `with stored as (select 'row' as kind, kafka_partition, kafka_offset from ${TABLE}
                       union all select 'letter', kafka_partition, kafka_offset from iot_dead_letters)
       select count(*) filter (where kind = 'row') as rows, count(*) filter (where kind = 'letter') as letters,
              count(distinct (kafka_partition, kafka_offset)) as positions from stored`,
    )
    const [sum] = rows
    console.log(
      `rows ${sum?.rows}, dead letters ${sum?.letters}, distinct positions ${sum?.positions}, records ${records}`,
    )
    return measured
  } finally {
    await nodeRed?.stop()
    await database.end()
    await Promise.all([kafka.stop(), postgres.stop()])
    rmSync(userDir, { recursive: true, force: true })
  }
}

async function fill(brokers: string, poisonPercent: number): Promise<void> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }],
  })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  for (let sent = 0; sent < records;) {
    const partition = (sent / 1000) % PARTITIONS
    const batch: Message[] = []
    for (; batch.length < 1000 && sent < records; sent++) {
      batch.push(messageOf(sent, partition, isPoison(sent, poisonPercent)))
    }
    await producer.send({ topic: TOPIC, acks: -1, messages: batch })
  }
  await producer.disconnect()
}

/** Spread evenly, the same ones in every run. */
function isPoison(seq: number, percent: number): boolean {
  return Math.floor(((seq + 1) * percent) / 100) > Math.floor((seq * percent) / 100)
}

function messageOf(seq: number, partition: number, poisoned: boolean): Message {
  const [tenant, device] = [`tenant${seq % 20}`, `device${seq % 200}`]
  const head = `{"deviceId":"${device}","timestamp":1732715160,"seq":${seq},"pad":"`
  return {
    partition,
    key: `${tenant}/${tenant}/${device}`,
    value: poisoned
      ? (RUBBISH[Math.floor(seq / 100) % RUBBISH.length] as Buffer)
      : head + 'x'.repeat(PAYLOAD_BYTES - head.length - 2) + '"}',
    headers: {
      tenant,
      project: tenant,
      'mqtt-topic': `mtic/msg/client/realtime/${tenant}/${tenant}/${device}`,
      'message-id': `bench-${seq}`,
      'received-at': String(Date.now()),
    },
  }
}

void main()
