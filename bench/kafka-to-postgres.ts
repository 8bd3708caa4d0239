/**
 * How fast the second leg drains a backlog: Kafka → consumer → sink → PostgreSQL, with the example flow as it
 * ships (batches, COPY, position in the same transaction).
 *
 *     npx tsx bench/kafka-to-postgres.ts [records=500000]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { Client } from 'pg'
import { NodeRed } from '../dev/node-red'
import { freePort } from '../dev/services/free-port'
import { startKafka } from '../dev/services/kafka'
import { startPostgres } from '../dev/services/postgres'
import { example } from './flows'
import { measureDrain, report } from './measure'

const TOPIC = 'iot-messages'
const TABLE = 'iot_history'
const PARTITIONS = 6
const PAYLOAD_BYTES = 300
const records = Number(process.argv[2] ?? 500_000)

async function main(): Promise<void> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  const database = new Client({ connectionString: postgres.address })
  await database.connect()
  let nodeRed: NodeRed | undefined
  try {
    await fill(kafka.address)
    nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      env: { MQTT_URL: 'mqtt://127.0.0.1:1', KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address },
      flow: example('03 Kafka to PostgreSQL only'),
    })
    // The ledger moves with the rows, in the same transaction; counting the table itself would slow the run down.
    const stored = async (): Promise<number> => {
      const { rows } = await database.query<{ ledger: string | null }>(
        "select to_regclass('iot_ledger') as ledger",
      )
      if (rows[0]?.ledger === null) return 0
      const positions = await database.query<{ n: string }>(
        'select coalesce(sum(next_offset), 0) as n from iot_ledger',
      )
      return Number(positions.rows[0]?.n)
    }
    const measured = await measureDrain(records, stored, nodeRed)
    report(
      `Kafka to PostgreSQL, ${records} records of ${PAYLOAD_BYTES} B in ${PARTITIONS} partitions`,
      measured,
    )
    const { rows } = await database.query<{ rows: string; positions: string }>(
      `select count(*) as rows, count(distinct (kafka_topic, kafka_partition, kafka_offset)) as positions from ${TABLE}`,
    )
    console.log(`rows ${rows[0]?.rows}, distinct positions ${rows[0]?.positions}, records ${records}`)
  } finally {
    await nodeRed?.stop()
    await database.end()
    await Promise.all([kafka.stop(), postgres.stop()])
    rmSync(userDir, { recursive: true, force: true })
  }
}

async function fill(brokers: string): Promise<void> {
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
    for (; batch.length < 1000 && sent < records; sent++) batch.push(messageOf(sent, partition))
    await producer.send({ topic: TOPIC, acks: -1, messages: batch })
  }
  await producer.disconnect()
}

function messageOf(seq: number, partition: number): Message {
  const [tenant, device] = [`tenant${seq % 20}`, `device${seq % 200}`]
  const head = `{"deviceId":"${device}","timestamp":1732715160,"seq":${seq},"pad":"`
  return {
    partition,
    key: `${tenant}/${tenant}/${device}`,
    value: head + 'x'.repeat(PAYLOAD_BYTES - head.length - 2) + '"}',
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
