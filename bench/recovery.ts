/**
 * How long after a `kill -9` the second leg writes again: Node-RED is killed at random moments under a steady stream
 * of records, started at once, and the time from the start of the process to the first new row in PostgreSQL is taken.
 *
 *     npx tsx bench/recovery.ts [kills=10]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { NodeRed } from '../dev/node-red'
import { freePort } from '../dev/services/free-port'
import { startKafka } from '../dev/services/kafka'
import { startPostgres } from '../dev/services/postgres'
import { example } from './flows'
import { median } from './report/statistics'

const TOPIC = 'iot-messages'
const PARTITIONS = 6
const STREAM_INTERVAL_MS = 50
const POLL_MS = 20
const GIVE_UP_MS = 120_000
const kills = Number(process.argv[2] ?? 10)

async function main(): Promise<void> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  const database = new Client({ connectionString: postgres.address })
  await database.connect()
  let nodeRed: NodeRed | undefined
  const streaming = new AbortController()
  try {
    const stream = streamTo(kafka.address, streaming.signal)
    nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      env: { MQTT_URL: 'mqtt://127.0.0.1:1', KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address },
      flow: example('03 Kafka to PostgreSQL only'),
    })
    await moved(database, await position(database))
    const seconds: number[] = []
    for (let kill = 0; kill < kills; kill++) {
      await sleep(3000 + Math.random() * 5000)
      await nodeRed.kill('SIGKILL')
      const before = await position(database)
      const startedAt = performance.now()
      const started = nodeRed.start()
      await moved(database, before)
      seconds.push((performance.now() - startedAt) / 1000)
      await started
      console.log(`kill ${kill + 1}: first new row after ${seconds.at(-1)?.toFixed(1)} s`)
    }
    streaming.abort()
    await stream
    const [middle, most] = [median(seconds), Math.max(...seconds)].map((value) => value.toFixed(1))
    console.log(`first new row after a kill, ${kills} kills: median ${middle} s, at most ${most} s`)
  } finally {
    streaming.abort()
    await nodeRed?.stop()
    await database.end()
    await Promise.all([kafka.stop(), postgres.stop()])
    rmSync(userDir, { recursive: true, force: true })
  }
}

/** The ledger moves in the transaction that writes the rows. */
async function position(database: Client): Promise<number> {
  const { rows } = await database.query<{ ledger: string | null }>(
    "select to_regclass('iot_ledger') as ledger",
  )
  if (rows[0]?.ledger === null) return 0
  const sum = await database.query<{ n: string }>(
    "select coalesce(sum(next_offset), 0) as n from iot_ledger where sink <> ''",
  )
  return Number(sum.rows[0]?.n)
}

async function moved(database: Client, before: number): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  while ((await position(database)) <= before) {
    if (performance.now() > giveUpAt) throw new Error(`no new row in ${GIVE_UP_MS / 1000} s`)
    await sleep(POLL_MS)
  }
}

/** A record for each partition, again and again. */
async function streamTo(brokers: string, signal: AbortSignal): Promise<void> {
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
  for (let seq = 0; !signal.aborted; seq++) {
    const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      key: `device-${partition}`,
      value: `{"seq":${seq}}`,
      headers: { tenant: 'acme', project: 'north', 'mqtt-topic': 'a/b', 'message-id': `${seq}-${partition}` },
    }))
    await producer.send({ topic: TOPIC, acks: -1, messages })
    await sleep(STREAM_INTERVAL_MS)
  }
  await producer.disconnect()
}

void main()
