/**
 * What a flood of one tenant costs the others: each tenant has a Kafka topic of its own, and one sends a hundred times
 * as much as the others while they continue. Prints the others' time from Kafka's timestamp to the committed row: without a
 * flood, beside one that another Node-RED carries, and beside one in the same Node-RED. The second is what processor,
 * Kafka and PostgreSQL make of it; the third divided by the second is what sharing a Node-RED costs. The phases take
 * turns, and medians of all rounds count: what else the machine does hits each.
 *
 *     npm run build && npx tsx bench/fair-tenants.ts [others=8] [records a second of each=20] [rounds=7] [seconds of each phase=8]
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
import { median } from './report/statistics'

const TIMES = 100
const TICK_MS = 100
const PARTITIONS = 2
const TABLE = 'iot_history'
const [others = 8, rate = 20, rounds = 7, seconds = 8] = process.argv.slice(2).map(Number)
const topicOf = (tenant: string): string => `fair.${tenant}`
const quiet = Array.from({ length: others }, (_, index) => `t${index}`)
const FLOOD = 'flood'
/** Of the Node-RED that carries nothing else. */
const APART = 'apart'
const PHASES = [undefined, APART, FLOOD]
let sent = 0

async function main(): Promise<void> {
  const [kafka, postgres] = await Promise.all([startKafka(), startOwnPostgres()])
  await rememberCommitTimes(postgres)
  const database = new Client({ connectionString: postgres.address })
  await database.connect()
  const producer = await producerOn(kafka.address)
  const nodeReds: NodeRed[] = []
  const startNodeRed = async (tenants: readonly string[]): Promise<void> => {
    const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
    const topics = tenants.map(topicOf).join(', ')
    nodeReds.push(
      await NodeRed.start({
        userDir,
        port: await freePort(),
        env: { MQTT_URL: 'mqtt://127.0.0.1:1', KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address },
        flow: example('03 Kafka to PostgreSQL only', {
          change: { 'tenant-kafka-consumer': { topics, group: `bench-${tenants[0]}` } },
        }),
      }),
    )
  }
  try {
    await startNodeRed([FLOOD, ...quiet])
    await startNodeRed([APART])
    const counted = async (): Promise<number> =>
      Number((await database.query<{ n: string }>(`select count(*) as n from ${TABLE}`)).rows[0]?.n)
    for (const flood of PHASES) await publish(producer, 1, flood)
    await until(async () => (await tableIsThere(database)) && (await counted()) === sent)
    const phases: Phase[] = []
    for (let round = 0; round < rounds; round++) {
      for (const flood of PHASES) {
        const from = Date.now()
        await publish(producer, seconds, flood)
        const to = Date.now()
        await until(async () => (await counted()) === sent)
        phases.push({ flood, ...(await latency(database, from, to)) })
      }
    }
    const [alone, apart, beside] = PHASES.map((flood) => summary(phases.filter((it) => it.flood === flood)))
    console.log(`${others} tenants at ${rate}/s each:                 ${alone?.text}`)
    console.log(`beside ${rate * TIMES}/s in another Node-RED:   ${apart?.text}`)
    console.log(`beside ${rate * TIMES}/s in the same Node-RED: ${beside?.text}`)
    console.log(`p99 in the same / in another: ${((beside?.p99 ?? NaN) / (apart?.p99 ?? NaN)).toFixed(2)}`)
    console.log(`rows ${await counted()} of ${sent} records, lost ${sent - (await counted())}`)
  } finally {
    for (const nodeRed of nodeReds) {
      await nodeRed.stop()
      rmSync(nodeRed.userDir, { recursive: true, force: true })
    }
    await producer.disconnect()
    await database.end()
    await Promise.all([kafka.stop(), postgres.stop()])
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
}

interface Phase extends Latency {
  readonly flood: string | undefined
}

function summary(phases: readonly Phase[]): { p99: number; text: string } {
  const [p50, p99] = [median(phases.map((it) => it.p50)), median(phases.map((it) => it.p99))]
  const each = phases.map((it) => it.p99.toFixed(0)).join(', ')
  return { p99, text: `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (rounds: ${each})` }
}

/** Of the quiet tenants, in milliseconds, without the first second. The server knows when a transaction was committed. */
async function latency(database: Client, from: number, to: number): Promise<Latency> {
  const { rows } = await database.query<{ p50: number; p99: number }>(
    `select percentile_cont(0.5) within group (order by late) as p50,
            percentile_cont(0.99) within group (order by late) as p99
       from (select extract(epoch from pg_xact_commit_timestamp(xmin) - time) * 1000 as late
               from ${TABLE}
              where tenant_id <> all ($1) and time >= to_timestamp($2 / 1000.0) and time < to_timestamp($3 / 1000.0)) as rows`,
    [[FLOOD, APART], from + 1000, to],
  )
  const row = rows[0]
  return { p50: Number(row?.p50), p99: Number(row?.p99) }
}

async function producerOn(brokers: string): Promise<Producer> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: true,
    topics: [FLOOD, APART, ...quiet].map((tenant) => ({
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

/** The tenants in turn within each tenth of a second, as they would come; the flood is even, and no pile at the end. */
async function publish(producer: Producer, forSeconds: number, flood: string | undefined): Promise<void> {
  const startedAt = Date.now()
  const slotMs = TICK_MS / others
  const perTick = (rate * TICK_MS) / 1000
  const slots = (forSeconds * 1000) / slotMs
  for (let slot = 0; slot < slots; slot++) {
    const topicMessages = [messagesOf(quiet[slot % others] as string, perTick)]
    if (flood !== undefined) topicMessages.push(messagesOf(flood, Math.round((perTick * TIMES) / others)))
    await producer.sendBatch({ acks: -1, topicMessages })
    await sleep(Math.max(0, startedAt + (slot + 1) * slotMs - Date.now()))
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
