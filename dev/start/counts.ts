/** Counts since the start: what is in Kafka, in the table, and among the dead letters. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { Pool } from 'pg'
import { cameThrough, quoteTable, tableExists } from '../accounting'
import type { Targets } from './targets'

export interface Counts {
  readonly inKafka: number
  readonly stored: number
  readonly deadLetters: number
}

const REQUEST_LIMIT_MS = 5000
const START_ATTEMPTS = 50
const START_PAUSE_MS = 200

export class PipelineCounts {
  private kafkaAtStart = 0
  private deadLettersAtStart = 0
  /** By the database's clock; rows of this run are not older. */
  since = new Date(0)

  private constructor(
    private readonly admin: Admin,
    readonly database: Pool,
    private readonly targets: Targets,
  ) {}

  static async open(
    addresses: { readonly brokers: string; readonly databaseUrl: string },
    targets: Targets,
  ): Promise<PipelineCounts> {
    const kafka = new Kafka({
      clientId: 'tenant-pipeline-start',
      brokers: addresses.brokers.split(','),
      requestTimeout: REQUEST_LIMIT_MS,
      logLevel: logLevel.NOTHING,
      retry: { retries: 1 },
    })
    const admin = kafka.admin()
    await admin.connect()
    const database = new Pool({
      connectionString: addresses.databaseUrl,
      max: 1,
      connectionTimeoutMillis: REQUEST_LIMIT_MS,
    })
    database.on('error', () => undefined)
    const counts = new PipelineCounts(admin, database, targets)
    // A topic that the flow has just created has no leader for a moment.
    for (let attempt = 1; ; attempt++) {
      try {
        await counts.rememberStart()
        return counts
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error
        await sleep(START_PAUSE_MS)
      }
    }
  }

  /** Those that the flow writes to. */
  get topics(): readonly RegExp[] {
    return this.targets.kafkaTopics
  }

  async read(): Promise<Counts> {
    const { targets } = this
    const [inKafka, stored, deadLetters] = await Promise.all([
      this.recordsIn(targets.kafkaTopics),
      this.storedRows(),
      this.deadLetters(),
    ])
    return {
      inKafka: inKafka - this.kafkaAtStart,
      stored,
      deadLetters: deadLetters - this.deadLettersAtStart,
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.admin.disconnect(), this.database.end()])
  }

  private async rememberStart(): Promise<void> {
    const { rows } = await this.database.query<{ now: Date }>('select now()')
    this.since = rows[0]?.now ?? this.since
    this.kafkaAtStart = await this.recordsIn(this.targets.kafkaTopics)
    this.deadLettersAtStart = await this.deadLetters()
  }

  private async deadLetters(): Promise<number> {
    const { deadLetterTopics, deadLetterTables } = this.targets
    let count = await this.recordsIn(deadLetterTopics)
    for (const table of deadLetterTables) count += await this.rowsOf(table, '')
    return count
  }

  private async storedRows(): Promise<number> {
    let count = 0
    for (const table of this.targets.tables) {
      const isOurs = await cameThrough(this.database, table, this.topics)
      count += await this.rowsOf(table, `where created_at >= $1 and ${isOurs}`)
    }
    return count
  }

  private async rowsOf(table: string, where: string): Promise<number> {
    const name = quoteTable(table)
    if (!(await tableExists(this.database, table))) return 0
    const values = where === '' ? [] : [this.since]
    const { rows } = await this.database.query<{ count: string }>(
      `select count(*) from ${name} ${where}`,
      values,
    )
    return Number(rows[0]?.count ?? 0)
  }

  /** All records that were ever written to the topics. */
  private async recordsIn(topics: readonly RegExp[]): Promise<number> {
    const names = await this.admin.listTopics()
    const wanted = names.filter((name) => topics.some((pattern) => pattern.test(name)))
    const offsets = await Promise.all(wanted.map((name) => this.admin.fetchTopicOffsets(name)))
    return offsets.flat().reduce((sum, { high }) => sum + Number(high), 0)
  }
}
