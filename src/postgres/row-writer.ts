/** Writes rows into the table inside of a transaction; the two ways are `COPY` and `COPY` beside a unique key. */
import type { ClientBase } from 'pg'

export interface RowWriter {
  /**
   * @param rows text format of `COPY`, all columns of the mapping in its order
   * @returns how many rows PostgreSQL says that it has stored
   */
  write(client: ClientBase, rows: Buffer): Promise<number>
}
