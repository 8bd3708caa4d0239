/** The program `tenant-pipeline` as it was built, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { ROOT } from './package'
import { until } from './until'

const PROGRAM = path.join(ROOT, 'dist/command/tenant-pipeline.js')
/** Of the machine that runs the tests: a command must not find services by them. */
const VARIABLES = [
  'MQTT_URL',
  'MQTT_CLIENT_ID',
  'KAFKA_BROKERS',
  'KAFKA_TOPIC',
  'DATABASE_URL',
  'TOPIC_PATTERN',
]

export type Env = Readonly<Record<string, string>>

export interface Ran {
  readonly exit: number | null
  readonly out: string
  readonly errors: string
}

/** A command that runs. */
export class Running {
  out = ''
  errors = ''
  private readonly ended: Promise<number | null>

  constructor(private readonly process: ChildProcess) {
    process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text))
    process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.ended = new Promise((resolve) => process.once('close', resolve))
  }

  /** Waits until it has said something, in either of its outputs. */
  async says(pattern: RegExp): Promise<void> {
    await until(
      () => `the command says ${pattern}: ${this.out}${this.errors}`,
      () => pattern.test(this.out + this.errors),
    )
  }

  interrupt(): void {
    this.process.kill('SIGINT')
  }

  async end(): Promise<Ran> {
    const exit = await this.ended
    return { exit, out: this.out, errors: this.errors }
  }
}

export function startCommand(args: readonly string[], env: Env = {}): Running {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !VARIABLES.includes(name)),
  )
  return new Running(
    spawn(process.execPath, [PROGRAM, ...args], {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

export function runCommand(args: readonly string[], env: Env = {}): Promise<Ran> {
  return startCommand(args, env).end()
}

/** Runs a command with `--json`. */
export async function askCommand<T>(
  args: readonly string[],
  env: Env = {},
): Promise<Ran & { readonly answer: T }> {
  const ran = await runCommand([...args, '--json'], env)
  if (ran.out === '') throw new Error(`${args.join(' ')} has answered nothing: ${ran.errors}`)
  return { ...ran, answer: JSON.parse(ran.out) as T }
}
