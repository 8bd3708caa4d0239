/** An example flow in a real Node-RED between services of the test, and what can be asked about it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Pool } from 'pg'
import { accountFor, quoteTable, tableExists, type Account } from '../../dev/accounting'
import { NodeRed, type FlowEntry, type ShownStatus } from '../../dev/node-red'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { PROJECT_ROOT } from '../../dev/project'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import type { LedgerSnapshot } from '../../dev/simulator/ledger'
import { targetsOf } from '../../dev/start/targets'
import { until } from './until'

/** So long a test waits for what was published to be stored. */
const DRAIN_LIMIT_MS = 90_000

export interface PipelineOptions {
  /** Start of the file name in `examples/`: `01`. */
  readonly example: string
  readonly version?: NodeRedVersion
  readonly mqttUrl: string
  readonly brokers: string
  readonly databaseUrl: string
  /** Of the examples that run in several Node-REDs. */
  readonly clientId?: string
  /** More variables of the environment. */
  readonly env?: Readonly<Record<string, string>>
}

const EXAMPLES = {
  '01': '01 MQTT to Kafka to PostgreSQL',
  '02': '02 One Kafka topic per tenant and project',
  '03': '03 Kafka to PostgreSQL only',
  '04': '04 Route and filter between the legs',
  '05': '05 Replay dead letters',
  '06': '06 Change and split batches',
  '07': '07 MQTT with QoS 2',
  '08': '08 Shared subscription over two Node-REDs',
  '09': '09 A schema for each tenant',
  '10': '10 TimescaleDB',
  '11': '11 The first leg as one node',
  '12': '12 Live view with core nodes',
  '13': '13 Split a batch and join it',
  '14': '14 Raw rows and a roll-up',
  '15': '15 Take from stock exactly once',
  '16': '16 Validate before PostgreSQL',
} as const

export type Example = keyof typeof EXAMPLES

/** The flow of an example. */
export function exampleFlow(example: Example): FlowEntry[] {
  const file = path.join(PROJECT_ROOT, 'examples', `${EXAMPLES[example]}.json`)
  return JSON.parse(readFileSync(file, 'utf8')) as FlowEntry[]
}

/**
 * A broker that keeps its sessions in memory while it runs. Saving all of them at each change, as `startMosquitto`
 * does for tests that kill the broker, ends at 300 messages a second once a few thousand are queued.
 */
export function startBusyBroker(port?: number): Promise<Mosquitto> {
  return startMosquitto({ ...(port === undefined ? {} : { port }), config: ['autosave_on_changes false'] })
}

export class Pipeline {
  readonly database: Pool
  /** The table that the first sink of the flow writes to. */
  readonly table: string

  private constructor(
    readonly nodeRed: NodeRed,
    readonly flow: readonly FlowEntry[],
    databaseUrl: string,
    private readonly userDir: string,
  ) {
    this.database = new Pool({ connectionString: databaseUrl, max: 2 })
    this.database.on('error', () => undefined)
    this.table = targetsOf(flow).tables[0] ?? ''
  }

  static async start(options: PipelineOptions & { readonly example: Example }): Promise<Pipeline> {
    const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-node-red-'))
    const flow = exampleFlow(options.example)
    const nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      version: options.version ?? '4.1',
      env: {
        MQTT_URL: options.mqttUrl,
        KAFKA_BROKERS: options.brokers,
        DATABASE_URL: options.databaseUrl,
        MQTT_CLIENT_ID: options.clientId ?? 'pipeline-a',
        ...options.env,
      },
      flow,
    })
    return new Pipeline(nodeRed, flow, options.databaseUrl, userDir)
  }

  /** What the editor shows under the first node of this type. */
  statusOf(type: string): ShownStatus | undefined {
    const node = this.flow.find((entry) => entry.type === type)
    if (node === undefined) return undefined
    // In a subflow a node runs under the ids of the subflow's node and its own.
    const id = [...this.nodeRed.statuses.keys()].find((key) => key === node.id || key.endsWith(`-${node.id}`))
    return id === undefined ? undefined : this.nodeRed.statuses.get(id)
  }

  /** Resolves when the sources have subscribed: what is published from now on is theirs. */
  async untilSubscribed(): Promise<void> {
    await this.untilGreen('tenant-mqtt-source')
  }

  async untilGreen(type: string): Promise<void> {
    await until(
      () => `${type} is green (it shows "${this.statusOf(type)?.text}")\n${this.nodeRed.logTail()}`,
      () => this.statusOf(type)?.fill === 'green',
    )
  }

  /** Waits until all that the ledger has is stored, and adds up. */
  async drained(ledger: LedgerSnapshot): Promise<Account> {
    let account: Account | undefined
    await until(
      () => `all is stored (${JSON.stringify(account)})\n${this.nodeRed.logTail()}`,
      async () => {
        account = await this.account(ledger)
        return account.missing <= 0
      },
      { pollMs: 250, giveUpMs: DRAIN_LIMIT_MS },
    )
    return account as Account
  }

  account(ledger: LedgerSnapshot): Promise<Account> {
    return accountFor(ledger, { client: this.database, table: this.table, since: new Date(0) })
  }

  /** Runs a query in which `TABLE` stands for the table; no rows while there is none. */
  async rows<Row extends object>(select: string, values: unknown[] = []): Promise<Row[]> {
    if (!(await tableExists(this.database, this.table))) return []
    const text = select.replace('TABLE', quoteTable(this.table))
    return (await this.database.query<Row>(text, values)).rows
  }

  /** Rows beyond the first of a position in Kafka. */
  async repeatedPositions(): Promise<number> {
    const [row] = await this.rows<{ repeated: number }>(
      `select (count(*) - count(distinct (kafka_topic, kafka_partition, kafka_offset)))::int as repeated from TABLE`,
    )
    return row?.repeated ?? 0
  }

  async stop(): Promise<void> {
    await this.nodeRed.stop()
    await this.database.end()
    rmSync(this.userDir, { recursive: true, force: true })
  }
}
