/** The device simulator in a process of its own, and its ledger when it ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { PROJECT_ROOT } from '../../dev/project'
import { endWithUs, hasEnded } from '../../dev/services/guard'
import type { LedgerSnapshot } from '../../dev/simulator/ledger'
import { until } from './until'

export interface SimulatorFleet {
  readonly url: string
  readonly rate: number
  readonly tenants?: number
  readonly projects?: number
  readonly devices?: number
}

export class SimulatorProcess {
  /** Publishes that the broker had acknowledged when the process last told. */
  acknowledged = 0
  private publishing = false

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line === 'publishing') this.publishing = true
      const count = /^acknowledged (\d+)$/.exec(line)?.[1]
      if (count !== undefined) this.acknowledged = Number(count)
    })
  }

  static async start(fleet: SimulatorFleet): Promise<SimulatorProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-simulator-'))
    const main = path.join(PROJECT_ROOT, 'dev', 'simulator', 'main.ts')
    const given = Object.entries(fleet).flatMap(([name, value]) => [`--${name}`, String(value)])
    const args = ['--require', 'tsx/cjs', main, '--ledger', path.join(folder, 'ledger.json'), ...given]
    const child = spawn(process.execPath, args, {
      cwd: PROJECT_ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { pid } = child
    if (pid !== undefined) {
      endWithUs(pid)
      child.once('exit', () => hasEnded(pid))
    }
    const simulator = new SimulatorProcess(child, folder)
    await until('the simulator publishes', () => simulator.publishing)
    return simulator
  }

  async untilAcknowledged(count: number): Promise<void> {
    await until(`the simulator has ${count} acknowledgements`, () => this.acknowledged >= count)
  }

  /** Stops publishing, waits for the acknowledgements, and ends the process. */
  async stop(): Promise<LedgerSnapshot> {
    const exited = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    await exited
    const ledger = JSON.parse(readFileSync(path.join(this.folder, 'ledger.json'), 'utf8')) as LedgerSnapshot
    rmSync(this.folder, { recursive: true })
    return ledger
  }
}
