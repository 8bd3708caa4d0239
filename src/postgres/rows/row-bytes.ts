/** Rows as bytes that a writer of the same table understands. Any run of them can be written by itself. */
export interface RowBytes {
  /** How many rows these are. */
  readonly rows: number
  /** The rows from one number up to, not including, another. */
  slice(from: number, to: number): Buffer
  /** The rows are durable, and nothing that was sliced from them is needed. */
  release(): void
}
