/**
 * Writes rows into a temporary table, and from there those that the target does not have yet: for records that may come
 * twice and that the ledger does not cover. The key always contains the tenant: without it one tenant's message could
 * make another's disappear.
 */
import type { ClientBase } from 'pg'
import { derivedName, quoted, type TableName } from '../connect/identifiers'
import { copyRows } from './copy-in'
import type { RowWriter } from './row-writer'
import { createStaging, insertStaged } from './write-statements'

export class StagedWriter implements RowWriter {
  private readonly staging: string
  private readonly statement: string

  constructor(
    private readonly table: TableName,
    private readonly columns: readonly string[],
    private readonly key: readonly string[],
  ) {
    this.staging = derivedName(`${table.schema}_${table.table}`, '_staging')
    this.statement = `copy pg_temp.${quoted(this.staging)} (${columns.map(quoted).join(', ')}) from stdin`
  }

  async write(client: ClientBase, rows: Buffer): Promise<number> {
    await createStaging(client, this.staging, this.table, this.columns)
    await copyRows(client, this.statement, rows)
    return insertStaged(client, this.staging, this.table, this.columns, this.key)
  }
}
