/** A real Prometheus, and a real node_exporter, each at a port of its own on the loopback interface. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse, stringify } from 'yaml'
import { PROJECT_ROOT } from '../../dev/project'
import { freePort } from '../../dev/services/free-port'
import { endWithUs, hasEnded } from '../../dev/services/guard'
import { until } from './until'

export const MONITORING = path.join(PROJECT_ROOT, 'deploy', 'monitoring')

/** A series and its value; NaN where there is none. */
export interface Found {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

/** @throws Error that says which package to install, when none of the programs is there */
export function programOf(debianPackage: string, ...names: readonly string[]): string {
  const found = names.find((name) => spawnSync(name, ['--version']).error === undefined)
  if (found !== undefined) return found
  throw new Error(
    `this test needs ${names.join(' or ')} on the PATH (Debian: apt-get install ${debianPackage})`,
  )
}

export const promtool = (): string => programOf('prometheus', 'promtool')

/** A program that listens and has a data folder; `stop` ends it and removes the folder. */
async function startProgram(
  program: string,
  args: (folder: string) => readonly string[],
  url: string,
): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-prometheus-'))
  let output = ''
  const child = spawn(program, args(folder), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)))
  }
  const ended = once(child, 'exit')
  const { pid } = child
  if (pid !== undefined) endWithUs(pid)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    if (pid !== undefined) hasEnded(pid)
    rmSync(folder, { recursive: true, force: true })
  }
  await until(
    () => `${program} answers at ${url}\n${output}`,
    () => {
      if (child.exitCode !== null) throw new Error(`${program} has ended:\n${output}`)
      return fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    },
    { pollMs: 100 },
  )
  return stop
}

export async function startNodeExporter(): Promise<{ address: string; stop: () => Promise<void> }> {
  const program = programOf('prometheus-node-exporter', 'prometheus-node-exporter', 'node_exporter')
  const address = `127.0.0.1:${await freePort()}`
  const stop = await startProgram(
    program,
    () => [`--web.listen-address=${address}`],
    `http://${address}/metrics`,
  )
  return { address, stop }
}

interface Configuration {
  global: { scrape_interval: string; evaluation_interval: string }
  rule_files: string[]
  scrape_configs: { job_name: string; scrape_interval?: string; static_configs: { targets: string[] }[] }[]
}

export class Prometheus {
  private constructor(
    private readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * With the configuration of `deploy/monitoring`, Node-RED once a second: rates take two scrapes.
   * @param targets by scrape job
   */
  static async start(targets: Readonly<Record<string, string>>): Promise<Prometheus> {
    const config = parse(readFileSync(path.join(MONITORING, 'prometheus.yml'), 'utf8')) as Configuration
    config.global = { scrape_interval: '10s', evaluation_interval: '1s' }
    config.rule_files = config.rule_files.map((file) => path.join(MONITORING, file))
    for (const job of config.scrape_configs) {
      if (job.job_name === 'node-red') job.scrape_interval = '1s'
      job.static_configs = [{ targets: [targets[job.job_name] ?? ''] }]
    }
    const address = `127.0.0.1:${await freePort()}`
    const args = (folder: string): string[] => {
      const file = path.join(folder, 'prometheus.yml')
      writeFileSync(file, stringify(config))
      return [
        `--config.file=${file}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ]
    }
    const url = `http://${address}`
    return new Prometheus(
      url,
      await startProgram(programOf('prometheus', 'prometheus'), args, `${url}/-/ready`),
    )
  }

  /** @throws Error with Prometheus's own words */
  async query(expression: string): Promise<Found[]> {
    const result = await this.get<{ result: { metric: Found['metric']; value: [number, string] }[] }>(
      `query?${new URLSearchParams({ query: expression }).toString()}`,
    )
    return result.result.map(({ metric, value: [, text] }) => ({
      metric,
      value: text === '+Inf' ? Infinity : Number(text),
    }))
  }

  /** What each rule is, and whether it can be evaluated. */
  async rules(): Promise<{ name: string; query: string; health: string; state?: string }[]> {
    const { groups } = await this.get<{ groups: { rules: [] }[] }>('rules')
    return groups.flatMap(({ rules }) => rules)
  }

  private async get<Data>(path: string): Promise<Data> {
    const response = await fetch(`${this.url}/api/v1/${path}`)
    const { data, error } = (await response.json()) as { data: Data; error?: string }
    if (error !== undefined) throw new Error(`${path}: ${error}`)
    return data
  }
}
