/**
 * Messages at a steady rate through both legs, or one of them: latency of every message, processor time of all that take
 * part, and requests and transactions a second.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from 'kafkajs'
import type { Client } from 'pg'
import { connectAsync } from 'mqtt'
import { example } from './flows'
import { FILTER, firstLeg, PARTITIONS } from './first-leg'
import { AcknowledgementTap } from './load/acknowledgement-tap'
import { kafkaRecord, mqttMessages, nowMicros } from './load/messages'
import { Publisher } from './load/publisher'
import type { Usage } from './probe/probes'
import { cpuMicros } from './process-time'
import { acknowledgedFigures, rowFigures, type Figures } from './report/figures'
import { Histogram } from './report/histogram'
import type { Measuring } from './row'
import {
  countIn,
  dropPlace,
  newPlace,
  positionIn,
  secondLeg,
  secondLegChange,
  type Place,
} from './second-leg'
import type { Stage } from './stage'
import { startNodeRed } from './subjects/node-red'
import type { BridgePlan } from './subjects/bridge'
import type { Subject } from './subjects/subject'

const CLIENT = 'bench-live'
const TICK_MS = 10
/** Of the warming up, at least: code that has run a few hundred times is not compiled yet, and costs several times as much. */
const WARM_RATE = 1_000
const ARRIVE_LIMIT_MS = 60_000
const MB = 2 ** 20

export interface Live {
  /** Messages a second; 0: only Node-RED with its flow, idle. */
  readonly rate: number
  readonly legs: 'both' | 'first' | 'second'
  readonly warmMs: number
  readonly ms: number
  /** Instead of ours, on the first leg. */
  readonly peer?: (plan: BridgePlan) => Promise<Subject>
}

export async function measureLive(measuring: Measuring, live: Live): Promise<Figures> {
  const { stage, signal } = measuring
  const database = await stage.database()
  const place = newPlace(stage)
  const topic = await stage.topic(PARTITIONS)
  const mosquitto = live.legs === 'second' ? undefined : await stage.mosquitto()
  const tap = mosquitto && (await AcknowledgementTap.open(mosquitto.address))
  let publisher: Publisher | undefined
  let subject: Subject | undefined
  try {
    if (mosquitto !== undefined) {
      await makeSession(mosquitto.address)
      publisher = await Publisher.connect(mosquitto.address)
    }
    subject = await start(stage, live, { topic, place, mqtt: tap?.address })
    const publish = (rate: number, ms: number): Promise<number> => {
      if (live.rate === 0) return sleep(ms, 0, { signal })
      return publisher
        ? publisher.run(rate, ms, mqttMessages(), signal)
        : produce(stage, topic, rate, ms, signal)
    }
    const hasRows = live.legs !== 'first'
    const warmed = await publish(Math.max(live.rate, WARM_RATE), live.warmMs)
    if (hasRows && warmed > 0) await untilRows(database, place, warmed, subject, signal)
    tap?.reset()
    const from = nowMicros()
    const before = await look(stage, database, subject, true)
    const published = warmed + (await publish(live.rate, live.ms))
    const after = await look(stage, database, subject)
    const stored = hasRows && live.rate > 0 ? await positionIn(database, place.ledger) : published
    const figures: Figures = {
      ...usedBetween(before, after),
      ...(tap && live.rate > 0 && acknowledgedFigures(tap.latency.percentiles())),
      ...(live.rate > 0 && hasRows && { lag: published - stored }),
    }
    if (!hasRows || live.rate === 0) return figures
    await untilRows(database, place, published, subject, signal)
    return { ...figures, ...rowFigures((await rowLatency(database, place.table, from)).percentiles()) }
  } finally {
    publisher?.close()
    await subject?.end()
    tap?.close()
    await mosquitto?.stop()
    await dropPlace(database, place)
  }
}

async function start(
  stage: Stage,
  { legs, peer }: Live,
  { topic, place, mqtt = '' }: { topic: string; place: Place; mqtt: string | undefined },
): Promise<Subject> {
  if (peer !== undefined) return peer({ mqtt, clientId: CLIENT, filter: FILTER, topic })
  const database = (await stage.postgres()).address
  if (legs === 'first') return startNodeRed(stage, { mqtt, flow: firstLeg(topic, {}, CLIENT) })
  if (legs === 'second') return startNodeRed(stage, { database, flow: secondLeg(topic, place) })
  const flow = example('01 MQTT to Kafka to PostgreSQL', {
    change: {
      ...secondLegChange(topic, place),
      'tenant-mqtt-source': { clientId: CLIENT },
      'tenant-topic': { kafkaTopic: topic },
    },
  })
  return startNodeRed(stage, { mqtt, database, flow })
}

async function makeSession(url: string): Promise<void> {
  const client = await connectAsync(url, { clientId: CLIENT, clean: false, protocolVersion: 4 })
  await client.subscribeAsync(FILTER, { qos: 1 })
  await client.endAsync()
}

/** Records instead of messages, for the second leg alone. @returns how many */
export async function produce(
  stage: Stage,
  topic: string,
  rate: number,
  ms: number,
  signal: AbortSignal,
): Promise<number> {
  const { producer } = await stage.kafka()
  const startedAt = performance.now()
  let n = 0
  for (let passed = 0; passed < ms; passed = performance.now() - startedAt) {
    const due = Math.floor((Math.min(passed, ms) * rate) / 1000)
    const messages: Message[] = []
    for (; n < due; n++) messages.push(kafkaRecord(n, n % PARTITIONS))
    if (messages.length > 0) await producer.send({ topic, acks: -1, messages })
    await sleep(TICK_MS, undefined, { signal })
  }
  return n
}

async function untilRows(
  database: Client,
  { table, ledger }: Place,
  goal: number,
  subject: Subject,
  signal: AbortSignal,
): Promise<void> {
  const giveUpAt = performance.now() + ARRIVE_LIMIT_MS
  for (let rows = 0; rows < goal; rows = await positionIn(database, ledger)) {
    if (performance.now() > giveUpAt)
      throw new Error(`${rows} rows of ${goal} messages: ${subject.lastWords()}`)
    await sleep(200, undefined, { signal })
  }
  const rows = await countIn(database, table)
  if (rows !== goal) throw new Error(`${rows} rows of ${goal} messages`)
}

/** Of every row created after a moment, in milliseconds. The server knows when a transaction was committed. */
async function rowLatency(database: Client, table: string, fromMicros: number): Promise<Histogram> {
  const { rows } = await database.query<{ tenths: number; n: string }>(
    `select greatest(0, floor((extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000 - sent) / 100))::int as tenths,
            count(*) as n
       from (select xmin, (payload->>'sent')::bigint as sent from ${table}) as stored
      where sent >= $1
      group by 1`,
    [fromMicros],
  )
  const latency = new Histogram()
  for (const { tenths, n } of rows) latency.record((tenths + 0.5) / 10, Number(n))
  return latency
}

interface Look {
  readonly at: number
  readonly usage: Usage
  readonly kafkaMicros: number
  readonly postgresMicros: number
  readonly transactions: number
}

async function look(stage: Stage, database: Client, subject: Subject, reset = false): Promise<Look> {
  const [broker] = (await stage.kafka()).service.brokers
  const postgres = await stage.postgres()
  const { rows } = await database.query<{ n: string }>(
    'select xact_commit as n from pg_stat_database where datname = current_database()',
  )
  return {
    at: performance.now(),
    usage: await subject.usage(reset),
    kafkaMicros: broker?.pid === undefined ? NaN : cpuMicros(broker.pid),
    postgresMicros: postgres.pid === undefined ? NaN : cpuMicros(postgres.pid, true),
    transactions: Number(rows[0]?.n),
  }
}

function usedBetween(before: Look, after: Look): Figures {
  const ms = after.at - before.at
  const percent = (micros: number): number => micros / 10 / ms
  const perSecond = (count: number): number => (count * 1000) / ms
  return {
    cpu: percent(after.usage.cpuMicros - before.usage.cpuMicros),
    cpuKafka: percent(after.kafkaMicros - before.kafkaMicros),
    cpuPostgres: percent(after.postgresMicros - before.postgresMicros),
    rss: after.usage.maxRss / MB,
    rssGrowth: (after.usage.rss - before.usage.rss) / MB,
    loopP99: after.usage.loopP99Ms,
    transactions: perSecond(after.transactions - before.transactions),
    produces: perSecond(after.usage.produces - before.usage.produces),
    fetches: perSecond(after.usage.fetches - before.usage.fetches),
  }
}
