/**
 * A PostgreSQL that Node-RED reaches through a fault proxy, and the test directly; with a standby, Node-RED knows both.
 * Node-RED logs in as a user without special rights, which owns what it creates.
 */
import { Pool } from 'pg'
import { tableExists } from '../../dev/accounting'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { auditLines, type AuditLine } from '../support/audit'
import { startStandby } from '../support/standby'
import { until } from '../support/until'
import { FaultProxy } from './fault-proxy'
import type { FoundRow } from './postgres-oracle'

const TABLE = 'iot_messages'
const DEAD_LETTERS = 'iot_dead_letters'
/** Node-RED's role: an ordinary one that owns what it creates. */
export const WRITER = 'pipeline'
/** The log has each error with its SQLSTATE: the server's own word that a fault took place. */
const SETTINGS = { log_min_messages: 'error', log_error_verbosity: 'verbose' }

export class StagedPostgres {
  private pool: Pool

  private constructor(
    readonly server: OwnPostgres,
    /** Follows the server, when that was asked for. */
    readonly standby: OwnPostgres | undefined,
    readonly proxy: FaultProxy,
  ) {
    this.pool = openPool(server)
  }

  static async start({ standby = false } = {}): Promise<StagedPostgres> {
    const server = await startOwnPostgres({ settings: SETTINGS })
    const follower = standby ? await startStandby(server) : undefined
    const proxy = await FaultProxy.start(portOf(server))
    const staged = new StagedPostgres(server, follower, proxy)
    await staged.client.query(`create role ${WRITER} login password '${WRITER}'`)
    await staged.client.query(`grant create on schema public to ${WRITER}`)
    return staged
  }

  /** For what the test looks at; connects again after the server has been away. */
  get client(): Pool {
    return this.pool
  }

  /** The address of the server by way of the proxy, and of the standby. */
  get proxiedUrl(): string {
    const standby = this.standby === undefined ? '' : `,127.0.0.1:${portOf(this.standby)}`
    return `postgres://${WRITER}:${WRITER}@${this.proxy.address}${standby}/postgres`
  }

  rows(): Promise<FoundRow[]> {
    const createdAt = ', extract(epoch from created_at)::float8 * 1000 as "createdAt"'
    return this.read(TABLE, `encode(sha256(payload), 'hex')`, createdAt)
  }

  deadLetters(): Promise<FoundRow[]> {
    return this.read(DEAD_LETTERS, 'payload_sha256')
  }

  /** None while there is no ledger. */
  async audit(): Promise<AuditLine[]> {
    if (!(await tableExists(this.client, 'iot_ledger_audit'))) return []
    return auditLines(async (text) => (await this.client.query<object>(text)).rows)
  }

  /** From now on the test looks at this server. */
  async lookAt(server: OwnPostgres): Promise<void> {
    const before = this.pool
    this.pool = openPool(server)
    await before.end()
  }

  /** One value. */
  async ask<T>(query: string): Promise<T | undefined> {
    const { rows } = await this.client.query<Record<string, T>>(query)
    return Object.values(rows[0] ?? {})[0]
  }

  /** Rows in the table; 0 while the sink has not created it. */
  async rowCount(): Promise<number> {
    if (!(await tableExists(this.client, TABLE))) return 0
    return (await this.ask<number>(`select count(*)::int from ${TABLE}`)) ?? 0
  }

  /** Waits until the sink has committed this many more rows. */
  async untilMoreRows(count: number): Promise<void> {
    const before = await this.rowCount()
    await until(`${count} more rows are committed`, async () => (await this.rowCount()) >= before + count, {
      pollMs: 100,
    })
  }

  /** How often a server has said that it refused something with this SQLSTATE, since its last start. */
  errors(sqlState: string, server = this.server): number {
    return server.readLog().split(`:  ${sqlState}: `).length - 1
  }

  /** Waits until the server has refused something with this SQLSTATE, more often than it had before. */
  untilError(sqlState: string, before = 0, server = this.server): Promise<void> {
    return until(
      () => `PostgreSQL says ${sqlState}; its log: ${server.readLog().slice(-2000)}`,
      () => this.errors(sqlState, server) > before,
    )
  }

  /** The connections of Node-RED, each with a name that no other has, also after a restart. */
  async sessions(): Promise<string[]> {
    const { rows } = await this.client.query<{ name: string }>(
      `select pid || ' since ' || backend_start as name from pg_stat_activity where usename = '${WRITER}'`,
    )
    return rows.map(({ name }) => name)
  }

  /** Ends the connections of Node-RED. */
  async endSessions(): Promise<number> {
    const ended = `select count(pg_terminate_backend(pid))::int from pg_stat_activity where usename = '${WRITER}'`
    return (await this.ask<number>(ended)) ?? 0
  }

  /** Connections of Node-RED that wait for a lock. */
  async waitingForLocks(): Promise<number> {
    const waiting = `select count(*)::int from pg_stat_activity where usename = '${WRITER}' and wait_event_type = 'Lock'`
    return (await this.ask<number>(waiting)) ?? 0
  }

  /** Connections of Node-RED that are in a transaction. */
  async openTransactions(): Promise<number> {
    const open = `select count(*)::int from pg_stat_activity where usename = '${WRITER}' and xact_start is not null`
    return (await this.ask<number>(open)) ?? 0
  }

  async stop(): Promise<void> {
    await this.pool.end()
    await this.proxy.stop()
    await this.standby?.stop()
    await this.server.stop()
  }

  private async read(table: string, sha256: string, more = ''): Promise<FoundRow[]> {
    if (!(await tableExists(this.client, table))) return []
    const { rows } = await this.client.query<FoundRow>(
      `select kafka_partition::int as partition, kafka_offset::float8 as "offset", ${sha256} as sha256,
              tenant_id as tenant, project_id as project, mqtt_topic as "mqttTopic", message_id as "messageId"${more}
       from ${table}`,
    )
    return rows
  }
}

function openPool(server: OwnPostgres): Pool {
  const pool = new Pool({ connectionString: server.address, max: 3 })
  pool.on('error', () => undefined)
  return pool
}

function portOf(server: OwnPostgres): number {
  return Number(new URL(server.address).port)
}
