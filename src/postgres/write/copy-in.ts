/**
 * `COPY … FROM STDIN` of rows that are in memory already, as a query for `pg`. All that is sent at one time is one write:
 * each write wakes the server, and with few rows that costs more than the rows do.
 *
 * Non-obvious:
 *  - Rows are sent only after the server has asked for them: some poolers wait indefinitely for the answer to rows that the
 *    server ignores because it has refused the statement.
 *  - A chunk is sent when the one before has left. One CopyData message for everything would make the server hold it twice.
 *  - Once PostgreSQL has refused a row, nothing more is sent: the connection is ready for the next statement.
 *  - `pg` puts its time limit around `callback`.
 */
import type { ClientBase, Connection, Submittable } from 'pg'

const CHUNK_BYTES = 256 * 1024
const HEADER_BYTES = 5
const COPY_DATA = 0x64
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4])

class CopyIn implements Submittable {
  private isOver = false
  private stored = 0
  callback: (error?: Error) => void

  constructor(
    private readonly statement: string,
    private readonly rows: Buffer,
    resolve: (stored: number) => void,
    reject: (error: Error) => void,
  ) {
    this.callback = (error) => {
      this.isOver = true
      if (error === undefined) resolve(this.stored)
      else reject(error)
    }
  }

  submit(connection: Connection): void {
    connection.query(this.statement)
  }

  handleCopyInResponse({ stream }: Connection): void {
    this.send(stream, 0)
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.stored = Number(/^COPY (\d+)/.exec(text)?.[1] ?? 0)
  }

  handleReadyForQuery(): void {
    this.callback()
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  private send(socket: Connection['stream'], from: number): void {
    if (this.isOver) return
    const chunk = this.rows.subarray(from, from + CHUNK_BYTES)
    const next = from + chunk.length
    const isLast = next === this.rows.length
    socket.cork()
    if (chunk.length > 0) {
      socket.write(headerOf(chunk))
      // Without an answer the connection is lost, which `pg` reports.
      socket.write(chunk, (error) => {
        if (!isLast && !error) this.send(socket, next)
      })
    }
    if (isLast) socket.write(COPY_DONE)
    socket.uncork()
  }
}

function headerOf(chunk: Buffer): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header[0] = COPY_DATA
  header.writeUInt32BE(chunk.length + HEADER_BYTES - 1, 1)
  return header
}

/**
 * @param rows not to be changed until the statement has succeeded or the connection is closed
 * @returns how many rows were stored: a trigger may have left some out
 * @throws what PostgreSQL answers; the transaction is then aborted
 */
export function copyRows(client: ClientBase, statement: string, rows: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(statement, rows, resolve, reject))
  })
}
