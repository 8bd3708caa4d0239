/**
 * The connection to a PostgreSQL database, or to one of several servers: a pool, and transactions with time limits.
 *
 * Non-obvious:
 *  - Waiting for a free connection has no time limit: a burst must wait, not fail. Connecting has one.
 *  - A connection on which anything unexpected happened is closed, not given back.
 */
import { Pool, type Client, type ClientBase, type ClientConfig, type PoolClient, type QueryResult } from 'pg'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../time/deadline'
import { PipelineError } from '../../wire/errors'
import { Users } from '../../runtime/users'
import type { EventLog } from '../../log/event-log'
import type { TlsSource } from '../../config/tls-settings'
import { commit } from './commit'
import { nameOf, placeOf, type ConnectionConfig, type Server } from './connection'
import { asConnectionError, asDatabaseError, DatabaseError } from './database-error'
import { durabilityWarnings } from './durability'
import { ServerChoice } from './server-choice'
import { ServerClock } from './server-clock'
import { serverClient, type ServerClient } from './server-client'
import type { ServerState } from './server-statements'
import { Turns } from './turns'

export interface DatabaseOptions {
  readonly connection: ConnectionConfig
  /** Certificates as they are on disk now; asked for at each connection that has TLS. */
  readonly renewTls?: TlsSource
  readonly poolSize: number
  readonly connectTimeoutMs: number
  /** Limit for one statement. An idle transaction is ended by the server after the same time. */
  readonly statementTimeoutMs: number
  /** How long a statement may wait for another transaction's lock. */
  readonly lockTimeoutMs: number
  /** Where it says which of several servers is used, and what is unsafe there. */
  readonly log?: Pick<EventLog, 'note'>
}

/** How much later than the server we give up on an answer ourselves: the network may be gone. */
const ANSWER_GRACE_MS = 5_000

/** A server that answers with one of these is not the one to write to, or is so no longer. */
const TAKES_NO_WRITES = ['25006', 'STANDBY']

export class Database {
  /** Host, port and database, for sentences. */
  readonly place: string
  readonly users = new Users()
  /** What time it is for the server. */
  readonly clock = new ServerClock()
  private readonly servers: ServerChoice
  private readonly pool: Pool
  private readonly Client: new () => ServerClient
  private readonly turns: Turns
  private readonly beginText: string
  private readonly busy = new Set<PoolClient>()
  /** What was said about the safety of servers: once is enough. */
  private readonly warned = new Set<string>()

  constructor(private readonly options: DatabaseOptions) {
    this.place = placeOf(options.connection)
    this.beginText = beginWithLimits(options)
    this.servers = new ServerChoice(options.connection.servers)
    this.turns = new Turns(options.poolSize)
    this.Client = serverClient({
      config: clientConfig(options),
      servers: this.servers,
      connectTimeoutMs: options.connectTimeoutMs,
      renewTls: options.renewTls,
      onConnected: (server, state) => this.noteServer(server, state),
    })
    this.pool = new Pool({ max: options.poolSize, idleTimeoutMillis: 60_000, Client: this.Client })
    this.pool.on('error', () => undefined)
  }

  /** How many connections may work at the same time. */
  get poolSize(): number {
    return this.options.poolSize
  }

  /** The server that is written to, where there are several to choose from; for a status. */
  get server(): string | undefined {
    const { count, used } = this.servers
    return count > 1 && used !== undefined ? nameOf(used) : undefined
  }

  /**
   * Runs work on a connection of its own.
   * @param doing what it is for, to begin a sentence with: `writing to "iot_messages"`
   * @param lane  whose turn it takes: the Kafka topic for what writes batches, nothing for what is short and rare.
   *              Work that takes a turn must not wait for another connection
   * @throws DatabaseError
   */
  async withClient<T>(doing: string, work: (client: PoolClient) => Promise<T>, lane?: string): Promise<T> {
    const giveBack = lane === undefined ? undefined : await this.turns.take(lane)
    try {
      return await this.onClient(doing, work)
    } finally {
      giveBack?.()
    }
  }

  /** Resolves when the server has answered. @throws DatabaseError */
  async look(): Promise<void> {
    await this.withClient('looking for the server', (client) => client.query('select 1'))
  }

  /** For what cannot wait until a connection of the pool is free. @throws whatever connecting or the work throws */
  async withExtraClient(work: (client: ClientBase) => Promise<void>): Promise<void> {
    const client = new this.Client()
    try {
      await client.connect()
      await work(client)
    } finally {
      void client.end().catch(() => undefined)
    }
  }

  private async onClient<T>(doing: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect()
    this.busy.add(client)
    let usable = false
    try {
      const result = await work(client)
      usable = true
      return result
    } catch (thrown) {
      if (thrown instanceof RolledBack) {
        usable = true
        throw thrown.reason
      }
      const error = thrown instanceof PipelineError ? thrown : asDatabaseError(thrown, doing)
      if (error instanceof DatabaseError && TAKES_NO_WRITES.includes(error.sqlState))
        this.servers.refuse(serverOf(client), error)
      throw error
    } finally {
      this.busy.delete(client)
      client.release(!usable)
    }
  }

  /**
   * Runs work in one transaction, which is durable when the promise resolves. When it rejects with a transient
   * error the outcome may be unknown: the connection may have been lost during `COMMIT`.
   * @param work gets the number of rows that the first statements have changed
   * @param first statements without parameters, which are sent together with BEGIN
   * @throws DatabaseError, or whatever else the work throws
   */
  transaction<T>(
    doing: string,
    work: (client: PoolClient, changed: number) => Promise<T>,
    lane?: string,
    first: readonly string[] = [],
  ): Promise<T> {
    const inTransaction = async (client: PoolClient): Promise<T> => {
      const changed = await this.begin(client, first).catch((thrown: unknown) => {
        throw asConnectionError(thrown, doing)
      })
      let result: T
      try {
        result = await work(client, changed)
      } catch (thrown) {
        const reason = thrown instanceof PipelineError ? thrown : asDatabaseError(thrown, doing)
        if (reason instanceof DatabaseError && reason.kind !== 'data') throw reason
        await client.query('rollback')
        throw new RolledBack(reason)
      }
      await commit(client, doing)
      return result
    }
    return this.withClient(doing, inTransaction, lane)
  }

  private async begin(client: PoolClient, first: readonly string[]): Promise<number> {
    // Of several statements `pg` gives a list of results.
    const results = (await client.query([this.beginText, ...first].join('; '))) as unknown as QueryResult[]
    // BEGIN and SET change no rows.
    return results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0)
  }

  // ---- servers -------------------------------------------------------------------------------------------

  /** A connection to the server that is written to; each server is tried once. */
  private async connect(): Promise<PoolClient> {
    for (let refused = 0; ;) {
      try {
        const client = await this.pool.connect()
        if (serverOf(client) === this.servers.current) return client
        // Made before that server was given up.
        client.release(true)
      } catch (error) {
        const isRefusal = error instanceof DatabaseError
        if (!isRefusal) throw asConnectionError(error, `connecting to PostgreSQL at ${this.place}`)
        if (++refused >= this.servers.count) throw this.servers.problem ?? error
      }
    }
  }

  private noteServer(server: Server, state: ServerState): void {
    const { log } = this.options
    const name = nameOf(server)
    const isNew = this.servers.accept(server)
    this.clock.note(state.nowMs)
    if (isNew && this.servers.count > 1) {
      const others = this.servers.describeRefusals()
      const why = others === '' ? '' : `; not to ${others}`
      log?.note('POSTGRES_SERVER', `writing to PostgreSQL at ${name} from now on${why}`)
    }
    for (const warning of durabilityWarnings(state)) {
      if (this.warned.has(name + warning)) continue
      this.warned.add(name + warning)
      log?.note('POSTGRES_UNSAFE', `PostgreSQL at ${name}: ${warning}`)
    }
  }

  /** Waits for the users to let go, as long as Node-RED lets a node close, and cuts the connections. Never rejects. */
  async close(budgetMs = CLOSE_BUDGET_MS): Promise<void> {
    await settlesWithin(this.users.idle(), budgetMs)
    for (const client of this.busy) void (client as unknown as Client).end().catch(() => undefined)
    await settlesWithin(this.pool.end(), 1_000)
  }
}

/** Work has failed, and the transaction was rolled back in good order: the connection stays usable. */
class RolledBack extends Error {
  constructor(readonly reason: unknown) {
    super('rolled back')
  }
}

function beginWithLimits({ statementTimeoutMs, lockTimeoutMs }: DatabaseOptions): string {
  return [
    'begin',
    `set local statement_timeout = ${statementTimeoutMs}`,
    `set local lock_timeout = ${lockTimeoutMs}`,
    `set local idle_in_transaction_session_timeout = ${statementTimeoutMs}`,
    'set local synchronous_commit = on',
    // The time zone that a role or a database is set to must not decide which instant a text without a zone is.
    "set local timezone = 'UTC'",
    // What COMMIT warns of has to reach us.
    'set local client_min_messages = warning',
    // At COMMIT it would be too late to find the row that is refused.
    'set constraints all immediate',
  ].join('; ')
}

/** The pool passes its options to every client; the time limit for connecting must not apply to its queue. */
export function clientConfig({
  connection,
  statementTimeoutMs,
}: Pick<DatabaseOptions, 'connection' | 'statementTimeoutMs'>): ClientConfig {
  const { database, user, password, ssl } = connection
  return {
    database,
    user,
    password,
    ssl,
    application_name: 'tenant-pipeline',
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

function serverOf(client: PoolClient): Server {
  return (client as unknown as ServerClient).server
}
