/**
 * Writes rows into a table inside a transaction. Here with `COPY`, the fastest way, where the ledger prevents duplicates;
 * `staged-writer.ts` compares them by a unique key.
 */
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { qualified, quoted, type TableName } from '../connect/identifiers'
import { StoredRows } from './stored-rows'

export interface RowWriter {
  /**
   * @param rows text format of `COPY`, all columns of the mapping in its order
   * @param count how many rows these are
   * @returns how many of them were stored
   */
  write(client: ClientBase, rows: Buffer, count: number): Promise<number>
}

export class CopyWriter implements RowWriter {
  private readonly statement: string
  private readonly stored: StoredRows

  constructor(table: TableName, columns: readonly string[]) {
    this.statement = `copy ${qualified(table)} (${columns.map(quoted).join(', ')}) from stdin`
    this.stored = new StoredRows(table)
  }

  write(client: ClientBase, rows: Buffer, count: number): Promise<number> {
    return this.stored.count(client, count, () => copyRows(client, this.statement, rows))
  }
}

/** One CopyData message each; a whole batch in one would make the server hold it twice. */
const CHUNK_BYTES = 256 * 1024

/**
 * Gives the stream one chunk at a time, and none once PostgreSQL has refused the rows: chunks that pg-copy-streams 7.0.0
 * still has by then it writes to a connection that it no longer has, and throws where no caller can catch it.
 * @returns how many rows were stored: a trigger may have left some out
 * @throws what PostgreSQL answers; the transaction is then aborted
 */
export function copyRows(client: ClientBase, statement: string, rows: Buffer): Promise<number> {
  const stream = client.query(copyFrom(statement))
  return new Promise((resolve, reject) => {
    let failed = false
    // An abandoned statement fails a second time when its connection ends, after this promise has settled.
    stream.on('error', (error) => {
      failed = true
      reject(error)
    })
    stream.once('finish', () => resolve(stream.rowCount))
    const writeFrom = (from: number): void => {
      if (failed) return
      if (from >= rows.length) stream.end()
      else stream.write(rows.subarray(from, from + CHUNK_BYTES), () => writeFrom(from + CHUNK_BYTES))
    }
    writeFrom(0)
  })
}
