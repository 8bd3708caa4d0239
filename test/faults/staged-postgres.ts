/** A PostgreSQL that Node-RED reaches through a fault proxy, and the test directly. */
import { Pool } from 'pg'
import { tableExists } from '../../dev/accounting'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { FaultProxy } from './fault-proxy'
import type { FoundRow } from './postgres-oracle'

const TABLE = 'iot_messages'
const DEAD_LETTERS = 'iot_dead_letters'

export class StagedPostgres {
  private constructor(
    readonly server: OwnPostgres,
    readonly proxy: FaultProxy,
    /** For what the test looks at; connects anew after the server has been away. */
    readonly client: Pool,
  ) {}

  static async start(): Promise<StagedPostgres> {
    const server = await startOwnPostgres()
    const proxy = await FaultProxy.start(Number(new URL(server.address).port))
    const client = new Pool({ connectionString: server.address, max: 2 })
    client.on('error', () => undefined)
    return new StagedPostgres(server, proxy, client)
  }

  /** The address of the server by way of the proxy. */
  get proxiedUrl(): string {
    const url = new URL(this.server.address)
    url.port = String(this.proxy.port)
    return url.href
  }

  rows(): Promise<FoundRow[]> {
    return this.read(TABLE, `encode(sha256(payload), 'hex')`)
  }

  deadLetters(): Promise<FoundRow[]> {
    return this.read(DEAD_LETTERS, 'payload_sha256')
  }

  async stop(): Promise<void> {
    await this.client.end()
    await this.proxy.stop()
    await this.server.stop()
  }

  private async read(table: string, sha256: string): Promise<FoundRow[]> {
    if (!(await tableExists(this.client, table))) return []
    const { rows } = await this.client.query<FoundRow>(
      `select kafka_partition::int as partition, kafka_offset::float8 as "offset", ${sha256} as sha256,
              tenant_id as tenant, project_id as project, mqtt_topic as "mqttTopic", message_id as "messageId"
       from ${table}`,
    )
    return rows
  }
}
