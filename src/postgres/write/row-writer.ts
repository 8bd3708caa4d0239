/** Writes rows into the table inside of a transaction; the two ways are `COPY` and `COPY` beside a unique key. */
import type { ClientBase } from 'pg'

export interface RowWriter {
  /**
   * @param rows text format of `COPY`, all columns of the mapping in its order
   * @param count how many they are
   * @returns how many of them were stored
   */
  write(client: ClientBase, rows: Buffer, count: number): Promise<number>
}
