/** Sends rows in the text format of `COPY` to a statement. */
import { once } from 'node:events'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** One CopyData message each; a whole batch in one would make the server hold it twice. */
const CHUNK_BYTES = 256 * 1024

/** @throws what PostgreSQL answers; the transaction is then aborted */
export async function copyRows(client: ClientBase, statement: string, rows: Buffer): Promise<void> {
  const stream = client.query(copyFrom(statement))
  // A statement that was given up fails a second time when its connection ends; nobody waits for it any more.
  stream.on('error', () => undefined)
  const finished = once(stream, 'finish')
  for (let from = 0; from < rows.length; from += CHUNK_BYTES) {
    stream.write(rows.subarray(from, from + CHUNK_BYTES))
  }
  stream.end()
  await finished
}
