/**
 * The time of day by the clock of the PostgreSQL server, carried forward here by a monotonic clock: it is asked for at each
 * connection and before rows are dropped, and in between it is independent of this machine's time of day.
 */
export interface Clocks {
  /** Milliseconds since 1970, by this machine. */
  readonly oursMs: number
  /** The same instant by the PostgreSQL server. */
  readonly serverMs: number
}

export class ServerClock {
  private aheadMs: number | undefined

  /** @param elapsed milliseconds of a clock that only grows */
  constructor(private readonly elapsed: () => number = () => performance.now()) {}

  /** The server has said what time it is. */
  note(serverMs: number): void {
    this.aheadMs = serverMs - this.elapsed()
  }

  /** Milliseconds since 1970. Before the first connection it is this machine's. */
  now(): number {
    return this.aheadMs === undefined ? Date.now() : this.aheadMs + this.elapsed()
  }
}
