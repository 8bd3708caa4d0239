/**
 * Runs a statement once for each of some rows, as a query for `pg`: it is parsed once, and all rows are sent without waiting
 * for answers in between, so that they take one round trip. PostgreSQL runs them in their order, and none after one that
 * fails. Neither the statement nor a portal has a name: nothing is left in the session.
 */
import type { ClientBase, Connection, Submittable } from 'pg'
import { bindMessages } from './bind-messages'

/**
 * Rows that are sent at once: as many may run within the time limit for one statement, and the answers to more would have to
 * be buffered.
 */
const ROWS_AT_ONCE = 100

/** A row has changed nothing; `row` is counted from the first. */
export class NoRowChanged extends Error {
  constructor(readonly row: number) {
    super('the statement has changed no row')
  }
}

interface Run {
  readonly statement: string
  /** How many it has. */
  readonly parameters: number
  /** A row that changes nothing is an error. */
  readonly mustChange: boolean
}

/**
 * @param rows text format of `COPY`
 * @returns how many rows of tables the statement has changed, or returned, in all
 * @throws NoRowChanged, or what PostgreSQL answers, with the number of the row that has failed in `row`
 */
export async function runBound(client: ClientBase, run: Run, rows: Buffer): Promise<number> {
  let changed = 0
  let done = 0
  for (let from = 0; from < rows.length;) {
    const { messages, next } = bindMessages(rows, from, run.parameters, ROWS_AT_ONCE)
    const counts = await new Promise<readonly number[]>((resolve, reject) => {
      client.query(new BoundRows(run.statement, messages, done, resolve, reject))
    })
    const idle = run.mustChange ? counts.indexOf(0) : -1
    if (idle >= 0) throw new NoRowChanged(done + idle)
    done += counts.length
    for (const count of counts) changed += count
    from = next
  }
  return changed
}

/** What answers a statement: `UPDATE 1`, `INSERT 0 1`, `SELECT 1`. */
const COUNT = / (\d+)$/

class BoundRows implements Submittable {
  private readonly counts: number[] = []
  callback: (error?: Error) => void

  constructor(
    private readonly text: string,
    private readonly messages: Buffer,
    private readonly before: number,
    resolve: (counts: readonly number[]) => void,
    reject: (error: Error) => void,
  ) {
    this.callback = (error) => {
      if (error === undefined) resolve(this.counts)
      else reject(error)
    }
  }

  submit(connection: Connection): void {
    const { stream } = connection
    stream.cork()
    connection.parse({ text: this.text, name: '', types: [] }, false)
    stream.write(this.messages)
    connection.sync()
    stream.uncork()
  }

  handleRowDescription(): void {
    // Nothing reads what the statement returns.
  }

  handleDataRow(): void {
    // As above.
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.counts.push(Number(COUNT.exec(text)?.[1] ?? 0))
  }

  handleEmptyQuery(): void {
    this.counts.push(0)
  }

  handleReadyForQuery(): void {
    this.callback()
  }

  handleError(error: Error): void {
    this.callback(Object.assign(error, { row: this.before + this.counts.length }))
  }
}
