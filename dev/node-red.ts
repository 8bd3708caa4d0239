/**
 * A real Node-RED in a process of its own, with this package installed: for `npm start`, and for tests that
 * deploy flows, kill the process, and look at what the editor would show.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { runtimeFor, type NodeRedVersion } from './node-red/runtime'
import { prepareUserDirectory, putFlow } from './node-red/user-dir'
import { freezeProcess } from './services/frozen'
import { endWithUs, hasEnded } from './services/guard'

export interface NodeRedOptions {
  readonly userDir: string
  readonly port: number
  /** Default: 4.1, on the Node.js of this process. */
  readonly version?: NodeRedVersion
  /** Added to our environment: `MQTT_URL`, `KAFKA_BROKERS`, `DATABASE_URL`. */
  readonly env?: Readonly<Record<string, string>>
  /** The flow to start with. One that is in the user directory already is kept unless `replaceFlow` is set. */
  readonly flow?: readonly FlowEntry[]
  readonly replaceFlow?: boolean
  /** A packed package to install with npm, as a user does; default: a link to this project. */
  readonly install?: string
  /** Node-RED without this package. */
  readonly bare?: boolean
}

/** A node, tab or config node as it stands in a flow file. */
export interface FlowEntry {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

export type DeployType = 'full' | 'nodes' | 'flows'

export interface ShownStatus {
  readonly fill?: 'red' | 'green' | 'yellow' | 'blue' | 'grey'
  readonly text: string
}

/** A line of the log, as a logging handler gets it. */
export interface LoggedLine {
  /** 20: error, 30: warning, 40: information, 50: for debugging. */
  readonly level: number
  readonly type?: string
  readonly id?: string
  readonly msg: unknown
}

/** What the lines in `settings.js` print. */
type Told =
  | { readonly id: string; readonly status: ShownStatus }
  | { readonly logged: LoggedLine }
  | { readonly flows: { readonly state?: string; readonly error?: string; readonly types?: string[] } }

const START_LIMIT_MS = 60_000
/** Node-RED gives every node 15 s to close. */
const STOP_LIMIT_MS = 25_000

export class NodeRed {
  readonly editorUrl: string
  readonly logFile: string
  /** The latest status of each node, since the process was started. */
  readonly statuses = new Map<string, ShownStatus>()
  /** Hears every status and every line of the log. */
  onTold: (told: { readonly status: ShownStatus } | { readonly logged: LoggedLine }) => void = () => undefined
  private child: ChildProcess | undefined
  private ended = new AbortController()
  private flowState: Extract<Told, { flows: unknown }>['flows'] | undefined

  private constructor(private readonly options: NodeRedOptions) {
    this.editorUrl = `http://127.0.0.1:${options.port}`
    this.logFile = path.join(options.userDir, 'node-red.log')
  }

  /** Resolves when the admin API answers and the flow runs. */
  static async start(options: NodeRedOptions): Promise<NodeRed> {
    mkdirSync(options.userDir, { recursive: true })
    const { userDir: folder, port, install, bare } = options
    prepareUserDirectory({ folder, port, install, bare })
    if (options.flow !== undefined) putFlow(options.userDir, options.flow, options.replaceFlow ?? false)
    const nodeRed = new NodeRed(options)
    await nodeRed.start()
    return nodeRed
  }

  get userDir(): string {
    return this.options.userDir
  }

  get running(): boolean {
    return this.child !== undefined
  }

  /** Aborted when the process that runs now has ended, for whatever reason. */
  get exited(): AbortSignal {
    return this.ended.signal
  }

  /** @throws Error when it does not run */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('Node-RED is not running')
    return this.child.pid
  }

  /** Starts the process again after `kill` or `stop`, in the same user directory. */
  async start(): Promise<void> {
    if (this.child !== undefined) throw new Error('Node-RED is running')
    const { userDir, version, env } = this.options
    const { node, script } = runtimeFor(version ?? '4.1')
    this.statuses.clear()
    this.flowState = undefined
    const log = openSync(this.logFile, 'a')
    // A group of its own: Ctrl-C in the terminal is for us, and Node-RED is stopped after the last message.
    const child = spawn(node, [script, '--userDir', userDir], {
      detached: true,
      env: { ...process.env, NODE_RED_DISABLE_TELEMETRY: 'true', ...env },
      stdio: ['ignore', log, log, 'ipc'],
    })
    closeSync(log)
    this.child = child
    const ended = (this.ended = new AbortController())
    child.on('message', (told: Told) => this.note(told))
    child.on('error', () => undefined)
    if (child.pid === undefined) {
      this.child = undefined
      throw new Error(`could not start ${node}`)
    }
    const { pid } = child
    endWithUs(pid)
    child.once('exit', () => {
      hasEnded(pid)
      if (this.child === child) this.child = undefined
      ended.abort()
    })
    await this.flowsStarted()
  }

  /** Deploys as the editor does. Resolves when the new flow has started. */
  async deploy(flow: readonly FlowEntry[], type: DeployType = 'full'): Promise<void> {
    this.flowState = undefined
    const response = await fetch(`${this.editorUrl}/flows`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'node-red-api-version': 'v2',
        'node-red-deployment-type': type,
      },
      body: JSON.stringify({ flows: flow }),
    })
    if (!response.ok) throw new Error(`deploy failed with ${response.status}: ${await response.text()}`)
    await this.flowsStarted()
  }

  /** The flow as it is deployed now, without its credentials. */
  async flow(): Promise<FlowEntry[]> {
    const response = await fetch(`${this.editorUrl}/flows`, { headers: { 'node-red-api-version': 'v2' } })
    return ((await response.json()) as { flows: FlowEntry[] }).flows
  }

  /** Resolves when the process is frozen: its connections stay open, and nothing answers. */
  freeze(): Promise<void> {
    return freezeProcess(this.pid)
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Presses the button of an inject node. */
  async inject(id: string): Promise<void> {
    const response = await fetch(`${this.editorUrl}/inject/${id}`, { method: 'POST' })
    if (!response.ok) throw new Error(`inject failed with ${response.status}`)
  }

  /** Asks a node as its dialog does. @returns the answer; @throws Error with the words of a refusal */
  async ask(type: string, id: string, action: string, question: object = {}): Promise<unknown> {
    const response = await fetch(`${this.editorUrl}/${type}/${id}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
    })
    const answer = (await response.json()) as { message?: string }
    if (!response.ok) throw new Error(`${action} was refused with ${response.status}: ${answer.message}`)
    return answer
  }

  /** Resolves when the process has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  /** Ends Node-RED as its service manager would: nodes drain and close first. */
  async stop(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    await this.kill('SIGTERM')
    clearTimeout(force)
  }

  /** Resident memory of the process. */
  async rssBytes(): Promise<number> {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(this.pid)])
    return Number(stdout) * 1024
  }

  /** The end of the log, for error messages. */
  logTail(lines = 30): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  }

  private async flowsStarted(): Promise<void> {
    const until = Date.now() + START_LIMIT_MS
    while (this.flowState === undefined || !(await this.answers())) {
      if (this.child === undefined) throw new Error(`Node-RED ended while starting:\n${this.logTail()}`)
      if (Date.now() > until) {
        await this.kill()
        throw new Error(`Node-RED was not ready after ${START_LIMIT_MS / 1000} s:\n${this.logTail()}`)
      }
      await sleep(50)
    }
    const { error, types = [] } = this.flowState
    if (error !== undefined) {
      throw new Error(`Node-RED does not run the flow: ${error} ${types.join(', ')}\n${this.logTail()}`)
    }
  }

  private async answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.editorUrl}/settings`)).ok
    } catch {
      return false
    }
  }

  private note(told: Told): void {
    if ('flows' in told) this.flowState = told.flows
    else this.onTold(told)
    if ('status' in told) this.statuses.set(told.id, told.status)
  }
}
