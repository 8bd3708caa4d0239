/**
 * Writes rows into a table inside a transaction. Here with `COPY`, the fastest way, where the ledger prevents duplicates;
 * `staged-writer.ts` compares them by a unique key.
 */
import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../connect/identifiers'
import { copyRows } from './copy-in'
import { StoredRows } from './stored-rows'

export interface RowWriter {
  /**
   * @param rows as the table's `RowTarget` encodes them; here the text format of `COPY`, all columns of the mapping in its order
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
