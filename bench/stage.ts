/**
 * The services of a run: real ones, on loopback, started when a row first needs them and stopped at the end whatever
 * happens. They are always our own, so that a benchmark never fills a server of the user's.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel, type Admin, type Producer } from 'kafkajs'
import { Client } from 'pg'
import { startKafka, type KafkaService } from '../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../dev/services/mosquitto'
import { startOwnPostgres, type OwnPostgres } from '../dev/services/postgres'
import { patiently } from './patiently'
import { Probes } from './probe/probes'

/** Saving at every change, as the tests want it, writes the whole queue each time. */
const LARGE_QUEUE = ['autosave_on_changes false', 'autosave_interval 600']
const WINDOW = 1000
/** A broker that has just removed a thousand topics takes its time with a new one. */
const RETRY = { retries: 60, initialRetryTime: 100, maxRetryTime: 1000 }

type Release = () => unknown

export interface KafkaStage {
  readonly service: KafkaService
  readonly admin: Admin
  readonly producer: Producer
}

export class Stage {
  private readonly ofRun: Release[] = []
  private readonly ofRow: Release[] = []
  private kafkaStarting: Promise<KafkaService> | undefined
  private clients: Promise<KafkaStage> | undefined
  private postgresStarting: Promise<OwnPostgres> | undefined
  private probesStarting: Promise<Probes> | undefined
  private databaseOfRow: Promise<Client> | undefined
  private names = 0

  /** What the services are, for the page; filled as they start. */
  readonly uses = new Set<string>()

  /** A name that nothing in this run has had: for topics, groups and tables. */
  name(): string {
    return `bench_${++this.names}`
  }

  /** With clients of the row: kafkajs asks for every topic that it has seen, and fails once one of them is deleted. */
  kafka(): Promise<KafkaStage> {
    return (this.clients ??= this.connect())
  }

  /** With the time of each commit, which the latency of a row is taken from. */
  postgres(): Promise<OwnPostgres> {
    return (this.postgresStarting ??= this.startPostgres())
  }

  probes(): Promise<Probes> {
    return (this.probesStarting ??= Probes.listen().then((probes) => {
      this.ofRun.push(() => probes.close())
      return probes
    }))
  }

  /** A new one with no sessions; the caller stops it. */
  async mosquitto(): Promise<Mosquitto> {
    const mosquitto = await startMosquitto({ maxInflight: WINDOW, config: LARGE_QUEUE })
    this.uses.add(nameOf(mosquitto.uses))
    return mosquitto
  }

  /** The row's connection; a new one when the server has restarted. */
  database(): Promise<Client> {
    return (this.databaseOfRow ??= this.connectToDatabase())
  }

  /** Removed at the end of the row, which keeps the disk from filling up. */
  async topic(partitions: number, name = this.name()): Promise<string> {
    const { admin } = await this.kafka()
    const topics = [{ topic: name, numPartitions: partitions, replicationFactor: 1 }]
    await patiently(() => admin.createTopics({ waitForLeaders: true, topics }))
    this.onRowEnd(() => admin.deleteTopics({ topics: [name] }).catch(() => undefined))
    return name
  }

  /** A folder that is removed at the end of the row. */
  folder(): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
    this.onRowEnd(() => rmSync(folder, { recursive: true, force: true }))
    return folder
  }

  onRowEnd(release: Release): void {
    this.ofRow.push(release)
  }

  async endRow(): Promise<void> {
    await releaseAll(this.ofRow)
  }

  async close(): Promise<void> {
    // A service that is still starting when Ctrl-C is pressed has to be stopped as well.
    await Promise.allSettled([this.clients, this.kafkaStarting, this.postgresStarting, this.probesStarting])
    await releaseAll(this.ofRow)
    await releaseAll(this.ofRun)
  }

  private async startKafka(): Promise<KafkaService> {
    const service = await startKafka()
    this.ofRun.push(() => service.stop())
    this.uses.add(nameOf(service.uses))
    return service
  }

  private async connectToDatabase(): Promise<Client> {
    const database = new Client({ connectionString: (await this.postgres()).address })
    const forget = (): void => (this.databaseOfRow = undefined)
    database.on('error', forget)
    database.on('end', forget)
    await database.connect().catch((error: unknown) => {
      forget()
      throw error
    })
    this.onRowEnd(() => database.end().catch(() => undefined))
    return database
  }

  private async connect(): Promise<KafkaStage> {
    const service = await (this.kafkaStarting ??= this.startKafka())
    const client = new Kafka({
      brokers: service.address.split(','),
      logLevel: logLevel.NOTHING,
      retry: RETRY,
    })
    const [admin, producer] = [client.admin(), client.producer()]
    this.onRowEnd(() => {
      this.clients = undefined
      return Promise.all([admin.disconnect(), producer.disconnect()])
    })
    await Promise.all([admin.connect(), producer.connect()])
    return { service, admin, producer }
  }

  private async startPostgres(): Promise<OwnPostgres> {
    const postgres = await startOwnPostgres({ settings: { track_commit_timestamp: 'on' } }).catch(
      (error: Error) => {
        const why = 'npm run bench starts a PostgreSQL of its own, and does not use DATABASE_URL'
        throw new Error(`${why}: ${error.message}`, { cause: error })
      },
    )
    this.ofRun.push(() => postgres.stop())
    this.uses.add(nameOf(postgres.uses))
    return postgres
  }
}

/** Last in, first out; one that fails does not keep the others from being released. */
async function releaseAll(releases: Release[]): Promise<void> {
  for (let release = releases.pop(); release !== undefined; release = releases.pop()) {
    try {
      await release()
    } catch (error) {
      console.error(`while stopping: ${(error as Error).message}`)
    }
  }
}

/** `Kafka 4.3.0 (its own jars, one broker), data in …` without the folder. */
function nameOf(uses: string): string {
  return uses.replace(/, data in .*/, '').replace(/ \(\/[^)]*\)/, '')
}
