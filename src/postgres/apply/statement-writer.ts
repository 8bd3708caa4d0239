/** Runs the statement for the rows of a batch, and counts what it has changed once that is durable. */
import type { ClientBase } from 'pg'
import { phrase } from '../../status/phrase'
import { DatabaseError } from '../connect/database-error'
import type { Column } from '../rows/columns'
import type { RowBytes } from '../rows/row-bytes'
import type { RowWriter } from '../write/row-writer'
import { NoRowChanged, runBound } from './run-bound'

export interface StatementOptions {
  /** Of what the statement does, for sentences. */
  readonly name: string
  readonly statement: string
  readonly parameters: readonly Column[]
  /** A record whose statement changes no row is a dead letter. */
  readonly mustChange: boolean
}

const NO_ROW_CHANGED = 'NO_ROW_CHANGED'

/**
 * What a statement says of a record by what the database has now, such as of an order for what is sold out: a check, a key, an
 * exclusion, an exception that a function raises. It says nothing about the statement, however often it comes.
 */
export const VERDICTS: ReadonlySet<string> = new Set([
  '23503',
  '23505',
  '23514',
  '23P01',
  'P0001',
  NO_ROW_CHANGED,
])

export class StatementWriter implements RowWriter {
  /** How many rows of tables the statement has changed, for the bytes that it was given. */
  readonly changed = new WeakMap<Buffer, number>()

  constructor(private readonly options: StatementOptions) {}

  /** Without rows it asks whether the statement can run at all: EXPLAIN looks at tables and rights, and runs nothing. */
  async write(client: ClientBase, rows: Buffer, count: number): Promise<number> {
    const { statement, mustChange, parameters } = this.options
    if (count === 0) {
      await client.query(`explain (costs off) ${statement}`, Array<null>(parameters.length).fill(null))
      return 0
    }
    const run = { statement, mustChange, parameters: parameters.length }
    try {
      this.changed.set(rows, await runBound(client, run, rows))
    } catch (thrown) {
      throw thrown instanceof NoRowChanged ? noRowChanged(thrown.row) : thrown
    }
    return count
  }
}

/** Tells how many rows of tables were changed, once that is durable. */
export class CountedRows implements RowBytes {
  private readonly sent: Buffer[] = []

  constructor(
    private readonly copy: RowBytes,
    private readonly writer: StatementWriter,
    private readonly onDurable: (changed: number) => void,
  ) {}

  get rows(): number {
    return this.copy.rows
  }

  slice(from: number, to: number): Buffer {
    const bytes = this.copy.slice(from, to)
    this.sent.push(bytes)
    return bytes
  }

  release(): void {
    let changed = 0
    for (const bytes of this.sent) changed += this.writer.changed.get(bytes) ?? 0
    this.onDurable(changed)
    this.copy.release()
  }
}

function noRowChanged(row: number): DatabaseError {
  const refusal = 'the statement has changed no row for this record'
  return new DatabaseError('data', NO_ROW_CHANGED, refusal, phrase('verbatim', { text: refusal }), {
    blame: 'row',
    row,
    rule: undefined,
    missingPartition: false,
    relation: undefined,
    refusal,
  })
}
