/**
 * Makes a line of something that may happen a thousand times a second: the first time at once, and then at most one
 * a minute, with the count since the last line.
 */
import type { EventLog } from './event-log'
import type { EventCode } from './events'

const INTERVAL_MS = 60_000
/** A misled device fleet could name any number. */
const MAX_TENANTS = 1000

export interface CountOptions {
  readonly code: EventCode
  /** What is counted: `3 messages do not match` for 3. */
  readonly text: (count: number) => string
  readonly intervalMs?: number
}

export class CountLog {
  private count = 0
  private readonly tenants = new Set<string>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly log: EventLog,
    private readonly options: CountOptions,
  ) {}

  /** @param tenant whose it was, when that is known */
  add(count: number, tenant?: unknown): void {
    if (count === 0) return
    this.count += count
    if (typeof tenant === 'string' && this.tenants.size < MAX_TENANTS) this.tenants.add(tenant)
    if (this.timer === undefined) this.flush()
  }

  /** Writes what has not been written. */
  close(): void {
    this.flush()
    clearTimeout(this.timer)
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.count === 0) return
    const { count, tenants } = this
    const { code, text, intervalMs = INTERVAL_MS } = this.options
    this.count = 0
    const [tenant] = tenants
    const alone = tenants.size === 1
    this.log.note(code, text(count), {
      ...(alone && { tenant }),
      counts: { records: count, ...(tenants.size > 1 && { tenants: tenants.size }) },
    })
    tenants.clear()
    this.timer = setTimeout(() => this.flush(), intervalMs).unref()
  }
}
