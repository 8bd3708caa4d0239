/** The publisher as its parent sees it: counts while it runs, and its logs when it has ended. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { PROJECT_ROOT } from '../../../dev/project'
import { endWithUs, hasEnded } from '../../../dev/services/guard'
import { until } from '../../support/until'
import { readLogs, type PublisherLogs } from './logs'

/** What the publisher says over the channel. */
export interface Told {
  readonly acknowledged: number
  readonly resent: number
}

export interface PublisherOptions {
  /** Empty, and kept by the caller: the logs are in it. */
  readonly folder: string
  readonly url: string
  /** Begins every id. */
  readonly run: string
  /** Messages a second. */
  readonly rate: number
  /** Of every second device; the others publish with QoS 1. Default 2. */
  readonly qos?: 1 | 2 | undefined
}

export class PublisherProcess {
  private told: Told | undefined

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    child.on('message', (told: Told) => (this.told = told))
  }

  static async start({ folder, url, run, rate, qos = 2 }: PublisherOptions): Promise<PublisherProcess> {
    const main = path.join(__dirname, 'main.ts')
    const child = spawn(
      process.execPath,
      ['--require', 'tsx/cjs', main, folder, url, run, String(rate), String(qos)],
      // A group of its own: Ctrl-C ends the test, and the test ends the publisher.
      { cwd: PROJECT_ROOT, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    )
    await once(child, 'spawn')
    const pid = child.pid as number
    endWithUs(pid)
    child.once('exit', () => hasEnded(pid))
    const publisher = new PublisherProcess(child, folder)
    await until('the publisher publishes', () => publisher.told !== undefined)
    return publisher
  }

  /** Messages that the broker has acknowledged and whose acknowledgement is on the disk. */
  get acknowledged(): number {
    return this.told?.acknowledged ?? 0
  }

  /** Messages that were on their way when the publisher's own connection broke: the broker may have them twice. */
  get resent(): number {
    return this.told?.resent ?? 0
  }

  /** In messages a second; 0 pauses. */
  setRate(rate: number): void {
    this.child.send({ rate })
  }

  /** Waits until the broker has acknowledged this many more. */
  async untilMore(count: number): Promise<void> {
    const goal = this.acknowledged + count
    await until(
      () => `the broker acknowledges ${goal} messages (${this.acknowledged} so far)`,
      () => this.acknowledged >= goal,
      { giveUpMs: 120_000 },
    )
  }

  /** Stops publishing, waits for the acknowledgements, and ends the process. */
  async stop(): Promise<PublisherLogs> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit')
      this.child.kill('SIGTERM')
      await exited
    }
    return readLogs(this.folder)
  }
}
