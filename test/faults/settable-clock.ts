/** A Node-RED whose time of day a test can set, as a person or an NTP daemon would: by a file that it reads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Loaded before Node-RED. Timers and `performance.now()` continue as they are, as they do when a clock is set. */
const PRELOADED = `
const { readFileSync } = require('node:fs')
const RealDate = Date
let aheadMs = 0
const look = () => {
  try {
    aheadMs = Number(readFileSync(process.env.CLOCK_AHEAD_FILE, 'utf8')) || 0
  } catch {}
}
look()
setInterval(look, 50).unref()
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + aheadMs] : given))
  }
  static now() {
    return RealDate.now() + aheadMs
  }
}
`

export class SettableClock {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'tenant-clock-'))
  private readonly file = path.join(this.folder, 'ahead-ms')

  constructor() {
    writeFileSync(path.join(this.folder, 'clock.cjs'), PRELOADED)
    this.set(0)
  }

  /** For the environment of Node-RED. */
  get env(): Record<string, string> {
    return {
      NODE_OPTIONS: `--require ${path.join(this.folder, 'clock.cjs')}`,
      CLOCK_AHEAD_FILE: this.file,
    }
  }

  /** It is that much later for Node-RED than it is; negative: earlier. */
  set(aheadMs: number): void {
    writeFileSync(this.file, String(aheadMs))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}
