/** Straight into the table: the fastest way. That nothing is written twice is the ledger's affair. */
import type { ClientBase } from 'pg'
import { copyRows } from './copy-rows'
import { qualified, quoted, type TableName } from '../connect/identifiers'
import type { RowWriter } from './row-writer'
import { StoredRows } from './stored-rows'

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
