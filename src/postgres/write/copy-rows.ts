/**
 * Sends rows in the text format of `COPY` to a statement.
 *
 * One piece is given to the stream at a time, and none once PostgreSQL has refused the rows: pieces that
 * pg-copy-streams 7.0.0 still has by then it writes to a connection that it no longer has, and throws where nobody
 * can catch it.
 */
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** One CopyData message each; a whole batch in one would make the server hold it twice. */
const CHUNK_BYTES = 256 * 1024

/**
 * @returns how many rows were stored: a trigger may have left some out
 * @throws what PostgreSQL answers; the transaction is then aborted
 */
export function copyRows(client: ClientBase, statement: string, rows: Buffer): Promise<number> {
  const stream = client.query(copyFrom(statement))
  return new Promise((resolve, reject) => {
    let failed = false
    // A statement that was given up fails a second time when its connection ends; nobody waits for it any more.
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
