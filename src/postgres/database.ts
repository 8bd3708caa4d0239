/**
 * The connection that a `tenant-postgres` configuration node shares with its sinks: a pool, transactions with
 * time limits, and the positions that a Kafka consumer begins at.
 *
 * Non-obvious:
 *  - Every client needs an `error` listener at all times: an unhandled one would end Node-RED.
 *  - Waiting for a free connection has no time limit: a burst must wait, not fail. Connecting has one.
 *  - `COMMIT` of a transaction that has failed succeeds, with the command tag `ROLLBACK`.
 *  - A connection on which anything unexpected happened is closed, not given back.
 */
import { Client, Pool, type ClientConfig, type PoolClient } from 'pg'
import { CLOSE_BUDGET_MS, settlesWithin } from '../runtime/deadline'
import { PipelineError } from '../runtime/errors'
import { Users } from '../runtime/users'
import { placeOf } from './connection'
import { asDatabaseError, DatabaseError } from './database-error'
import { Ledger, type PositionQuery } from './ledger'
import type { TableName } from './identifiers'

export interface DatabaseOptions {
  readonly connection: ClientConfig & { readonly host: string }
  readonly poolSize: number
  readonly connectTimeoutMs: number
  /** Limit for one statement. An idle transaction is ended by the server after the same time. */
  readonly statementTimeoutMs: number
  /** How long a statement may wait for somebody else's lock. */
  readonly lockTimeoutMs: number
  readonly ledger: TableName
  /** Create the ledger's table when it is missing. */
  readonly createLedger: boolean
}

/** How much later than the server we give up on an answer ourselves: the network may be gone. */
const ANSWER_GRACE_MS = 5_000

export class Database {
  /** Host, port and database, for sentences. */
  readonly place: string
  readonly ledger: Ledger
  readonly users = new Users()
  private readonly pool: Pool
  private readonly begin: string
  private readonly busy = new Set<PoolClient>()
  /** Names that the deployed sinks have in the ledger, with the node that has the name. */
  private readonly sinks = new Map<string, Set<string>>()

  constructor(private readonly options: DatabaseOptions) {
    this.place = placeOf(options.connection)
    this.ledger = new Ledger(this, options.ledger, options.createLedger)
    this.begin = beginWithLimits(options)
    this.pool = new Pool({
      max: options.poolSize,
      idleTimeoutMillis: 60_000,
      Client: clientClass(options),
    })
    const ignore = (): void => undefined
    this.pool.on('error', ignore)
    this.pool.on('connect', (client) => client.on('error', ignore))
  }

  /** How many connections may work at the same time. */
  get poolSize(): number {
    return this.options.poolSize
  }

  /**
   * Runs work on a connection of its own.
   * @param doing what it is for, to begin a sentence with: `writing to "iot_messages"`
   * @throws DatabaseError
   */
  async withClient<T>(doing: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw asDatabaseError(error, `connecting to PostgreSQL at ${this.place}`)
    })
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
      throw thrown instanceof PipelineError ? thrown : asDatabaseError(thrown, doing)
    } finally {
      this.busy.delete(client)
      client.release(!usable)
    }
  }

  /**
   * Runs work in one transaction, which is durable when the promise resolves. When it rejects with a transient
   * error the outcome may be unknown: the connection may have been lost during `COMMIT`.
   * @throws DatabaseError, or whatever else the work throws
   */
  transaction<T>(doing: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.withClient(doing, async (client) => {
      await client.query(this.begin)
      let result: T
      try {
        result = await work(client)
      } catch (thrown) {
        const reason = thrown instanceof PipelineError ? thrown : asDatabaseError(thrown, doing)
        if (reason instanceof DatabaseError && reason.kind !== 'data') throw reason
        await client.query('rollback')
        throw new RolledBack(reason)
      }
      const { command } = await client.query('commit')
      if (command !== 'COMMIT') throw rolledBackAtCommit(doing)
      return result
    })
  }

  // ---- positions -----------------------------------------------------------------------------------------

  /**
   * A deployed sink says which name it has in the ledger.
   * @returns the function that takes the name back
   * @throws PipelineError `CONFIG_INVALID` when another node has the name
   */
  registerSink(name: string, nodeId: string): () => void {
    const nodes = this.sinks.get(name) ?? new Set()
    if (nodes.size > 0 && !nodes.has(nodeId)) {
      throw new PipelineError(
        'CONFIG_INVALID',
        `two sinks have the name "${name}" in the ledger; each needs its own`,
        { retryable: false, statusText: 'ledger name is used twice' },
      )
    }
    this.sinks.set(name, nodes.add(nodeId))
    return () => {
      nodes.delete(nodeId)
      if (nodes.size === 0 && this.sinks.get(name) === nodes) this.sinks.delete(name)
    }
  }

  /**
   * Where a consumer begins a partition: the smallest position of the sinks that are deployed now. A sink
   * without a position does not count; `undefined` when none has one.
   * @throws DatabaseError while the database cannot be asked
   */
  async positions(query: PositionQuery): Promise<number | undefined> {
    if (this.sinks.size === 0) return undefined
    return this.ledger.smallest(query, [...this.sinks.keys()])
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
  ].join('; ')
}

/** The pool passes its options to every client; the time limit for connecting must not apply to its queue. */
function clientClass(options: DatabaseOptions): new () => Client {
  const config: ClientConfig = {
    ...options.connection,
    application_name: 'tenant-pipeline',
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  return class extends Client {
    constructor() {
      super(config)
    }
  }
}

function rolledBackAtCommit(doing: string): DatabaseError {
  const text = `${doing} failed: PostgreSQL rolled the transaction back at COMMIT; trying again`
  return new DatabaseError('transient', 'ROLLBACK', text, 'transaction rolled back')
}
