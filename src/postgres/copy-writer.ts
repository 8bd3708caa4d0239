/** Straight into the table: the fastest way. That nothing is written twice is the ledger's affair. */
import type { ClientBase } from 'pg'
import { copyRows } from './copy-rows'
import { qualified, quoted, type TableName } from './identifiers'
import type { RowWriter } from './row-writer'

export class CopyWriter implements RowWriter {
  private readonly statement: string

  constructor(table: TableName, columns: readonly string[]) {
    this.statement = `copy ${qualified(table)} (${columns.map(quoted).join(', ')}) from stdin`
  }

  write(client: ClientBase, rows: Buffer): Promise<number> {
    return copyRows(client, this.statement, rows)
  }
}
