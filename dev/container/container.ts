/**
 * Runs an image as an engine would: its root read-only, its user, its volumes as the only places to write to, process 1
 * in a process namespace of its own, a memory limit. It keeps this machine's network, where the test's services are.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs, hasEnded } from '../services/guard'
import { makeMountPoint, type Image } from './build'
import type { Env } from './dockerfile'
import { limitMemory, type MemoryLimit } from './memory-limit'

const START_LIMIT_MS = 60_000
const POLL_MS = 20

export interface ContainerOptions {
  readonly env: Env
  /** Files of this machine, to be read at places of the container. */
  readonly mounts: Readonly<Record<string, string>>
  readonly memoryMb: number
  /** Of the listener for metrics and health. */
  readonly port: number
}

export class Container {
  /** Until `/ready` answered 200. */
  startedInMs = 0
  private output = ''
  private pid = 0
  private readonly volumes: readonly string[]
  private readonly limit: MemoryLimit
  private process: ChildProcess | undefined

  private constructor(
    private readonly image: Image,
    private readonly options: ContainerOptions,
  ) {
    for (const at of Object.keys(options.mounts)) makeMountPoint(path.join(image.root, at), false)
    this.limit = limitMemory(options.memoryMb)
    const [uid = 0, gid = 0] = image.stage.user.split(':').map(Number)
    this.volumes = image.stage.volumes.flatMap((volume) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'tenant-volume-'))
      chownSync(folder, uid, gid)
      return ['--bind', folder, volume]
    })
  }

  /** Resolves when all nodes are ready. */
  static async start(image: Image, options: ContainerOptions): Promise<Container> {
    const container = new Container(image, options)
    try {
      await container.start()
      return container
    } catch (error) {
      await container.remove()
      throw error
    }
  }

  /** Runs a command beside the main process, as `docker exec` does. */
  exec(command: readonly string[]): { readonly status: number | null; readonly output: string } {
    const [program = '', ...args] = this.invocation(command)
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    return { status, output: stdout + stderr }
  }

  async get(page: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.options.port}${page}`)
  }

  /** Memory of process 1 in MB: now, and the most that it has had. */
  memory(): { readonly rssMb: number; readonly peakMb: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const read = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024
    return { rssMb: read('VmRSS'), peakMb: read('VmHWM') }
  }

  /** Of the whole container, with the file cache. */
  groupPeakMb(): number | undefined {
    return this.limit.peakMb()
  }

  /** As `docker stop` does. @returns how long it took, and what the process ended with */
  async stop(): Promise<{ readonly tookMs: number; readonly code: number | null }> {
    const { process: bwrap } = this
    if (bwrap === undefined) throw new Error('the container does not run')
    const startedAtMs = performance.now()
    const ended = once(bwrap, 'exit')
    process.kill(this.pid, this.image.stage.stopSignal)
    const [code] = (await ended) as [number | null]
    return { tookMs: performance.now() - startedAtMs, code }
  }

  /** Ends what still runs, and removes its volumes. */
  async remove(): Promise<void> {
    if (this.process !== undefined) {
      const ended = once(this.process, 'exit')
      process.kill(this.pid === 0 ? Number(this.process.pid) : this.pid, 'SIGKILL')
      await ended
    }
    this.limit.remove()
    for (const [index, folder] of this.volumes.entries())
      if (index % 3 === 1) rmSync(folder, { recursive: true, force: true })
  }

  log(): string {
    return this.output
  }

  private async start(): Promise<void> {
    const startedAtMs = performance.now()
    const bwrap = this.invocation(this.image.stage.command, ['--unshare-pid', '--as-pid-1', '--info-fd', '3'])
    // The shell joins the group before it becomes the user of the image.
    const child = spawn('sh', ['-c', `echo $$ > ${this.limit.processes}; exec "$@"`, 'sh', ...bwrap], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.process = child
    const guarded = child.pid as number
    endWithUs(guarded)
    child.once('exit', () => {
      hasEnded(guarded)
      this.process = undefined
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()))
    let info = ''
    ;(child.stdio[3] as Readable).on('data', (chunk: Buffer) => (info += chunk.toString()))
    while (!(await this.isReady())) {
      if (this.process === undefined) throw new Error(`the container has ended:\n${this.output}`)
      if (performance.now() - startedAtMs > START_LIMIT_MS)
        throw new Error(`the container is not ready after ${START_LIMIT_MS / 1000} s:\n${this.output}`)
      this.pid = Number(/"child-pid": (\d+)/.exec(info)?.[1] ?? 0)
      await sleep(POLL_MS)
    }
    this.startedInMs = performance.now() - startedAtMs
  }

  private async isReady(): Promise<boolean> {
    return this.get('/ready').then(
      ({ status }) => status === 200,
      () => false,
    )
  }

  /** The root is bound read-only, and the volumes into it; everything runs as the user of the image. */
  private invocation(command: readonly string[], extra: readonly string[] = []): string[] {
    const { image, options, volumes } = this
    const [uid = '', gid = uid] = image.stage.user.split(':')
    const mounts = Object.entries(options.mounts).flatMap(([at, file]) => ['--ro-bind', file, at])
    const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    const env = {
      ...{ PATH, HOME: '/home/node', TENANT_PIPELINE_METRICS_PORT: String(options.port) },
      ...options.env,
    }
    const variables = Object.entries({ ...image.stage.env, ...env })
    return [
      ...['setpriv', '--reuid', uid, '--regid', gid, '--clear-groups', '--no-new-privs'],
      ...['bwrap', '--ro-bind', image.root, '/', '--dev', '/dev', '--proc', '/proc'],
      ...[...volumes, ...mounts, ...extra, '--chdir', image.stage.folder, '--clearenv'],
      ...variables.flatMap(([name, value]) => ['--setenv', name, value]),
      ...command,
    ]
  }
}
