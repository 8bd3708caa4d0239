/**
 * Mosquitto for tests that need what the broker in the process cannot do: sessions that survive the broker's own
 * death, a window that it enforces or ignores, passwords. From the PATH.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port'
import { endWithUs, hasEnded } from './guard'
import type { Service } from './service'

const START_LIMIT_MS = 20_000
const HOMES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']

export interface MosquittoOptions {
  /** Without it any free port. */
  readonly port?: number
  /** Where the sessions live; without it in a folder that `stop` removes. */
  readonly dataDir?: string
  /** Messages that one client may have unacknowledged; 0 is unlimited. Default 0. */
  readonly maxInflight?: number
  /**
   * Writes its state after every change, so that it survives `kill`. Slow: each time it writes everything. Without
   * it the state is written by `shutDown` only. Default true.
   */
  readonly savesEveryChange?: boolean
  /** When given, the only user that is let in. */
  readonly user?: { readonly name: string; readonly password: string }
  /** Further lines of the configuration file. */
  readonly config?: readonly string[]
}

/** A broker of our own, which tests may treat badly. */
export interface Mosquitto extends Service {
  readonly port: number
  readonly pid: number
  /**
   * Mosquitto before 2.0.13 may send a message that has just come before those that it has queued for a client, when
   * that client takes its time with QoS 2 (`test/integration/mosquitto-order.test.ts`).
   */
  readonly keepsOrderWithQos2: boolean
  /** Ends the broker as a power cut would. */
  kill(): Promise<void>
  /** Ends it in order and keeps the data. */
  shutDown(): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
  /** Its log: errors, warnings and notices, such as clients that connect and that are disconnected. */
  readLog(): string
}

/** @throws when there is no Mosquitto on this machine, and how to get one */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = mosquittoProgram()
  if (program === undefined) {
    throw new Error('these tests need Mosquitto: put it on the PATH (Debian: apt-get install mosquitto)')
  }
  const port = options.port ?? (await freePort())
  const home = options.dataDir ?? mkdtempSync(path.join(tmpdir(), 'tenant-mosquitto-'))
  mkdirSync(home, { recursive: true })
  const broker = new Broker(program, home, port)
  broker.configure(options)
  await broker.start()
  const version = versionOf(program)
  return {
    address: `mqtt://127.0.0.1:${port}`,
    uses: `Mosquitto ${version} (${program}), data in ${home}`,
    port,
    keepsOrderWithQos2: version.localeCompare('2.0.13', 'en', { numeric: true }) >= 0,
    get pid() {
      return broker.pid
    },
    kill: () => broker.end('SIGKILL'),
    shutDown: () => broker.end('SIGTERM'),
    restart: () => broker.start(),
    readLog: () => broker.log(),
    stop: async () => {
      await broker.end('SIGTERM')
      if (options.dataDir === undefined) rmSync(home, { recursive: true, force: true })
    },
  }
}

/** The program's path, or `undefined` when this machine has none. */
export function mosquittoProgram(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...HOMES]
  return folders.map((folder) => path.join(folder, 'mosquitto')).find((file) => existsSync(file))
}

function versionOf(program: string): string {
  const { stdout } = spawnSync(program, ['-h'], { encoding: 'utf8' })
  return /version (\S+)/.exec(stdout)?.[1] ?? ''
}

class Broker {
  private child: ChildProcess | undefined
  private readonly configFile: string
  private readonly logFile: string

  constructor(
    private readonly program: string,
    private readonly home: string,
    private readonly port: number,
  ) {
    this.configFile = path.join(home, 'mosquitto.conf')
    this.logFile = path.join(home, 'mosquitto.log')
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  configure({ maxInflight = 0, savesEveryChange = true, user, config = [] }: MosquittoOptions): void {
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      `allow_anonymous ${String(user === undefined)}`,
      'persistence true',
      `persistence_location ${this.home}/`,
      `autosave_on_changes ${String(savesEveryChange)}`,
      `autosave_interval ${savesEveryChange ? 1 : 1800}`,
      'max_queued_messages 0',
      `max_inflight_messages ${maxInflight}`,
      `log_dest file ${this.logFile}`,
      'log_type error',
      'log_type warning',
      'log_type notice',
      ...config,
    ]
    // Mosquitto drops root, and then cannot write to a folder of ours.
    if (process.getuid?.() === 0) lines.push('user root')
    if (user !== undefined) {
      const passwords = path.join(this.home, 'passwords')
      writeFileSync(passwords, `${user.name}:${user.password}\n`, { mode: 0o600 })
      const { status, stderr } = spawnSync('mosquitto_passwd', ['-U', passwords], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`mosquitto_passwd failed: ${stderr}`)
      lines.push(`password_file ${passwords}`)
    }
    writeFileSync(this.configFile, `${lines.join('\n')}\n`)
  }

  async start(): Promise<void> {
    const child = spawn(this.program, ['-c', this.configFile], { detached: true, stdio: 'ignore' })
    await once(child, 'spawn')
    const pid = child.pid as number
    endWithUs(pid)
    child.once('exit', () => hasEnded(pid))
    child.unref()
    this.child = child
    const until = Date.now() + START_LIMIT_MS
    while (!(await accepts(this.port))) {
      if (child.exitCode === null && child.signalCode === null && Date.now() < until) await sleep(20)
      else throw new Error(`Mosquitto did not start on port ${this.port}: ${this.log()}`)
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.ref()
    child.kill(signal)
    await exited
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').trim() : 'no log'
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
