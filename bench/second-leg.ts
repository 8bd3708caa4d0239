/** Kafka → PostgreSQL: a topic that is full is drained into a table of its own, with its own group and ledger. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import type { FlowEntry } from '../dev/node-red'
import type { NodeRedVersion } from '../dev/node-red/runtime'
import { watchDrain } from './drain'
import { example } from './flows'
import { kafkaRecord, measurement } from './load/messages'
import type { Figures } from './report/figures'
import type { Measuring } from './row'
import type { Stage } from './stage'
import { startNodeRed } from './subjects/node-red'
import { together, type Subject } from './subjects/subject'

const CHUNK = 1000

/** What a reader finds wrong in five ways: bytes, text, JSON, an escape, and a number that only PostgreSQL refuses. */
const RUBBISH: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe]),
  Buffer.from('{"a":"\0"}'),
  Buffer.from('{"a":'),
  Buffer.from('{"a":"\\u0000"}'),
  Buffer.from('{"a":1e131072}'),
]

export interface Filling {
  readonly records: number
  readonly partitions: number
  /** Percent of records that can never be rows; spread evenly, the same ones in every run. */
  readonly poison?: number
  /** Only the first of them get records. */
  readonly busy?: number
  /** With several numbers in each, and a device in one partition only. */
  readonly measurements?: true
}

/** Makes a topic with records in it. @param into a topic that is there already */
export async function fillTopic(
  { stage, signal }: Measuring,
  filling: Filling,
  into?: string,
): Promise<string> {
  const { records, partitions, poison = 0, busy = partitions, measurements = false } = filling
  const topic = into ?? (await stage.topic(partitions))
  const { producer } = await stage.kafka()
  for (let n = 0; n < records;) {
    signal.throwIfAborted()
    const partition = Math.floor(n / CHUNK) % busy
    const end = Math.min(n + CHUNK, records)
    const messages = []
    for (; n < end; n++) {
      const record = measurements
        ? measurement(n, partitions)
        : kafkaRecord(n, partition, poisonOf(n, poison))
      messages.push(record)
    }
    await producer.send({ topic, acks: -1, messages })
  }
  return topic
}

function poisonOf(n: number, percent: number): Buffer | undefined {
  const isPoison = Math.floor(((n + 1) * percent) / 100) > Math.floor((n * percent) / 100)
  return isPoison ? RUBBISH[Math.floor(n / 100) % RUBBISH.length] : undefined
}

/** Names of one measurement, so that each begins at the first record and in an empty table. */
export interface Place {
  readonly table: string
  readonly ledger: string
  readonly letters: string
  readonly group: string
}

export function newPlace(stage: Stage): Place {
  const name = stage.name()
  return { table: name, ledger: `${name}_ledger`, letters: `${name}_letters`, group: name }
}

/** The changes that make the second leg of an example read this topic and write to this place. */
export function secondLegChange(
  topic: string,
  { table, ledger, letters, group }: Place,
): Record<string, object> {
  return {
    'tenant-kafka-consumer': { topics: topic, group },
    // Dead letters go where the sink puts them by itself, so that they can be counted beside the rows.
    'tenant-postgres-sink': { table, ledgerName: table, deadLetters: 'table', deadLetterTable: letters },
    'tenant-postgres': { ledgerTable: ledger },
  }
}

/** Example 03. @param sink further options of the sink */
export function secondLeg(topic: string, place: Place, sink: object = {}): FlowEntry[] {
  const change = secondLegChange(topic, place)
  change['tenant-postgres-sink'] = { ...change['tenant-postgres-sink'], ...sink }
  return example('03 Kafka to PostgreSQL only', { change })
}

export interface TopicDrain {
  readonly topic: string
  readonly records: number
  readonly place: Place
  /** Options of the sink that differ from the example. */
  readonly sink?: { readonly exactlyOnce?: 'ledger' | 'key'; readonly [option: string]: unknown }
  readonly version?: NodeRedVersion
  /** More variables of the environment of Node-RED. */
  readonly env?: Readonly<Record<string, string>>
  /** Node-REDs that share the group; default 1. */
  readonly processes?: number
}

/** Fills each topic when a side of a row first wants it, and remembers it for the rounds that follow. */
export function topicsOnDemand(): (measuring: Measuring, filling: Filling) => Promise<string> {
  const made = new Map<string, string>()
  return async (measuring, filling) => {
    const key = JSON.stringify(filling)
    const topic = made.get(key) ?? (await fillTopic(measuring, filling))
    made.set(key, topic)
    return topic
  }
}

/** Drains into a new place, and removes that again. */
export async function drainAndDrop(measuring: Measuring, drain: Omit<TopicDrain, 'place'>): Promise<Figures> {
  const place = newPlace(measuring.stage)
  try {
    return await drainTopic(measuring, { ...drain, place })
  } finally {
    await dropPlace(await measuring.stage.database(), place)
  }
}

/** Drains the topic from its first record, and makes sure that each became one row or one dead letter. */
export async function drainTopic(measuring: Measuring, drain: TopicDrain): Promise<Figures> {
  const { stage, signal } = measuring
  const { topic, records, place, sink = {}, version = '4.1', processes = 1, env = {} } = drain
  const database = await stage.database()
  await database.query('checkpoint')
  const { address } = await stage.postgres()
  const subjects: Subject[] = []
  const subject = together(subjects)
  try {
    const plan = { flow: secondLeg(topic, place, sink), version, database: address, env }
    for (let n = 0; n < processes; n++) subjects.push(await startNodeRed(stage, plan))
    const count =
      sink.exactlyOnce === 'key'
        ? seldom(() => countIn(database, place.table), signal)
        : () => positionIn(database, place.ledger)
    const figures = await watchDrain(records, count, subject, signal)
    await assertAllThere(database, place, records)
    return figures
  } finally {
    await subject.end()
  }
}

/**
 * How far the ledger is, of several sinks the last one: it moves with the rows, in the same transaction, and asking it costs
 * next to nothing.
 */
export async function positionIn(database: Client, ledger: string): Promise<number> {
  try {
    const { rows } = await database.query<{ n: string }>(
      `select coalesce(min(n), 0) as n
         from (select sum(next_offset) as n from ${ledger} where sink <> '' group by sink) as sinks`,
    )
    return Number(rows[0]?.n)
  } catch (error) {
    if ((error as { code?: string }).code === '42P01') return 0 // the sink has not made its ledger yet
    throw error
  }
}

/** Counting rows takes one of the processors, so it pauses ten times as long as it took. */
function seldom(count: () => Promise<number>, signal: AbortSignal): () => Promise<number> {
  let pauseMs = 0
  return async () => {
    await sleep(pauseMs, undefined, { signal })
    const startedAt = performance.now()
    const counted = await count()
    pauseMs = 10 * (performance.now() - startedAt)
    return counted
  }
}

async function assertAllThere(database: Client, { table, letters }: Place, records: number): Promise<void> {
  const [rows, dead] = [await countIn(database, table), await countIn(database, letters)]
  if (rows + dead !== records) throw new Error(`${rows} rows and ${dead} dead letters of ${records} records`)
}

/** 0 when there is no such table. */
export async function countIn(database: Client, table: string): Promise<number> {
  const { rows } = await database.query<{ t: string | null }>('select to_regclass($1) as t', [table])
  if (rows[0]?.t === null) return 0
  return Number((await database.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n)
}

export async function dropPlace(database: Client, { table, ledger, letters }: Place): Promise<void> {
  await database.query(`drop table if exists ${table}, ${ledger}, ${letters} cascade`)
}
