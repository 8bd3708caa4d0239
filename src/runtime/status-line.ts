/**
 * A node's status, at most once a second: every update goes to every open editor over an unbounded queue.
 * The newest status wins; the last one always arrives.
 */
import type { Status } from '../status/status'

const MIN_INTERVAL_MS = 1000

export class StatusLine {
  private shown = ''
  private shownAtMs = -Infinity
  private newest: Status = {}
  private waiting: Status | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly show: (status: Status) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Shown, or about to be. */
  get latest(): Status {
    return this.newest
  }

  set(status: Status): void {
    this.waiting = this.newest = status
    if (this.timer !== undefined) return
    const waitMs = this.shownAtMs + MIN_INTERVAL_MS - this.now()
    if (waitMs <= 0) this.flush()
    else this.timer = setTimeout(() => this.flush(), waitMs).unref()
  }

  /** Shows what waits and stops the timer. */
  close(): void {
    this.flush()
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const status = this.waiting
    this.waiting = undefined
    if (status === undefined) return
    const text = JSON.stringify(status)
    if (text === this.shown) return
    this.shown = text
    this.shownAtMs = this.now()
    try {
      this.show(status)
    } catch {
      // A listener of statuses has failed; that must not stop the work.
    }
  }
}
