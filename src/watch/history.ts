/**
 * What has passed each node in the last ten minutes, for the chart of the editor's sidebar. It is kept here and not in the
 * browser, which asks only while the sidebar is open: who opens it because something has happened sees what came before.
 * It begins with the first reader, and ends some time after the last, so it costs nothing where no editor is open.
 */

/** Counts by the id of the node. */
export type Counters = Readonly<Record<string, number>>

export interface Tick {
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly passed: Counters
}

export const TICK_MS = 5_000
const KEPT_TICKS = 121
const UNREAD_TICKS = KEPT_TICKS

export class History {
  private ticks: Tick[] = []
  private timer: NodeJS.Timeout | undefined
  private unread = 0

  /** @param every milliseconds between two ticks */
  constructor(
    private readonly read: () => Counters,
    private readonly every = TICK_MS,
    private readonly now: () => number = () => Date.now(),
  ) {}

  /** The ticks after that time, the oldest first; of the first reader only that of now. */
  after(atMs: number): readonly Tick[] {
    this.unread = 0
    if (this.timer === undefined) {
      this.ticks = []
      this.tick()
      this.timer = setInterval(() => this.tick(), this.every).unref()
    }
    return this.ticks.filter((tick) => tick.atMs > atMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private tick(): void {
    if (this.unread++ > UNREAD_TICKS) return this.stop()
    this.ticks.push({ atMs: this.now(), passed: this.read() })
    if (this.ticks.length > KEPT_TICKS) this.ticks.shift()
  }
}
