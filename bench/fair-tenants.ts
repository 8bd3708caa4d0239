/**
 * What a flood of one tenant costs the others: each tenant has a Kafka topic of its own, and one sends a hundred times
 * as much as the others while they go on. Prints the others' time from Kafka's timestamp to the committed row, without
 * and with the flood, in one run.
 *
 *     npm run build && npx tsx bench/fair-tenants.ts [others=8] [records a second of each=20] [seconds of each phase=20]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { Client } from 'pg'
import { NodeRed } from '../dev/node-red'
import { freePort } from '../dev/services/free-port'
import { startKafka } from '../dev/services/kafka'
import { startOwnPostgres, type OwnPostgres } from '../dev/services/postgres'
import { example } from './flows'

const TIMES = 100
const TICK_MS = 100
const PARTITIONS = 2
const TABLE = 'iot_history'
const [others = 8, rate = 20, seconds = 20] = process.argv.slice(2).map(Number)
const topicOf = (tenant: string): string => `fair.${tenant}`
const quiet = Array.from({ length: others }, (_, index) => `t${index}`)
const FLOOD = 'flood'
let sent = 0

async function main(): Promise<void> {
  const [kafka, postgres] = await Promise.all([startKafka(), startOwnPostgres()])
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  await rememberCommitTimes(postgres)
  const database = new Client({ connectionString: postgres.address })
  await database.connect()
  const producer = await producerOn(kafka.address)
  let nodeRed: NodeRed | undefined
  try {
    nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      env: { MQTT_URL: 'mqtt://127.0.0.1:1', KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address },
      flow: example('03 Kafka to PostgreSQL only', {
        change: { 'tenant-kafka-consumer': { topics: [FLOOD, ...quiet].map(topicOf).join(', ') } },
      }),
    })
    const counted = async (): Promise<number> =>
      Number((await database.query<{ n: string }>(`select count(*) as n from ${TABLE}`)).rows[0]?.n)
    await publish(producer, 2, false)
    await until(async () => (await tableIsThere(database)) && (await counted()) === sent)
    const quietFrom = Date.now()
    await publish(producer, seconds, false)
    const floodFrom = Date.now()
    await publish(producer, seconds, true)
    const ended = Date.now()
    await until(async () => (await counted()) === sent)
    const [without, withFlood] = [
      await latency(database, quietFrom, floodFrom),
      await latency(database, floodFrom, ended),
    ]
    const show = ({ p50, p99, n }: Latency): string =>
      `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms of ${n}`
    console.log(`${others} tenants at ${rate}/s each: ${show(without)}`)
    console.log(`the same beside one at ${rate * TIMES}/s: ${show(withFlood)}`)
    console.log(`p99 with the flood / without: ${(withFlood.p99 / without.p99).toFixed(2)}`)
    console.log(`rows ${await counted()} of ${sent} records, lost ${sent - (await counted())}`)
  } finally {
    await nodeRed?.stop()
    await producer.disconnect()
    await database.end()
    await Promise.all([kafka.stop(), postgres.stop()])
    rmSync(userDir, { recursive: true, force: true })
  }
}

/** A server that keeps for each transaction when it was committed. */
async function rememberCommitTimes(postgres: OwnPostgres): Promise<void> {
  const client = new Client({ connectionString: postgres.address })
  await client.connect()
  await client.query('alter system set track_commit_timestamp = on')
  await client.end()
  await postgres.shutDown()
  await postgres.restart()
}

async function tableIsThere(database: Client): Promise<boolean> {
  const { rows } = await database.query<{ t: string | null }>('select to_regclass($1) as t', [TABLE])
  return rows[0]?.t !== null
}

interface Latency {
  readonly p50: number
  readonly p99: number
  readonly n: number
}

/** Of the quiet tenants, in milliseconds, without the first second. The server knows when a transaction was committed. */
async function latency(database: Client, from: number, to: number): Promise<Latency> {
  const { rows } = await database.query<{ p50: number; p99: number; n: string }>(
    `select percentile_cont(0.5) within group (order by late) as p50,
            percentile_cont(0.99) within group (order by late) as p99, count(*) as n
       from (select extract(epoch from pg_xact_commit_timestamp(xmin) - time) * 1000 as late
               from ${TABLE}
              where tenant_id <> $1 and time >= to_timestamp($2 / 1000.0) and time < to_timestamp($3 / 1000.0)) as rows`,
    [FLOOD, from + 1000, to],
  )
  const row = rows[0]
  return { p50: Number(row?.p50), p99: Number(row?.p99), n: Number(row?.n) }
}

async function producerOn(brokers: string): Promise<Producer> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: true,
    topics: [FLOOD, ...quiet].map((tenant) => ({
      topic: topicOf(tenant),
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    })),
  })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  return producer
}

/** Steps of a tenth of a second, so that the flood is even and not one pile at the end. */
async function publish(producer: Producer, forSeconds: number, withFlood: boolean): Promise<void> {
  const startedAt = Date.now()
  for (let tick = 0; tick < (forSeconds * 1000) / TICK_MS; tick++) {
    const perTick = (rate * TICK_MS) / 1000
    const topicMessages = quiet.map((tenant) => messagesOf(tenant, perTick))
    if (withFlood) topicMessages.push(messagesOf(FLOOD, perTick * TIMES))
    await producer.sendBatch({ acks: -1, topicMessages })
    await sleep(Math.max(0, startedAt + (tick + 1) * TICK_MS - Date.now()))
  }
}

function messagesOf(tenant: string, count: number) {
  const messages = Array.from({ length: count }, () => {
    const seq = sent++
    return {
      partition: seq % PARTITIONS,
      key: tenant,
      value: JSON.stringify({ seq, pad: 'x'.repeat(260) }),
      headers: { tenant, project: 'p', 'mqtt-topic': `bench/${tenant}/p/d`, 'message-id': `bench-${seq}` },
    }
  })
  return { topic: topicOf(tenant), messages }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    if (await holds()) return
    await sleep(100)
  }
  throw new Error('the rows did not come within two minutes')
}

void main()
