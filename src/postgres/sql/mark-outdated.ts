import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** How a partition that shall be dropped is told from one that somebody has detached to keep it. */
export const OUTDATED = 'outdated: tenant-postgres-sink drops this table'

export async function markOutdated(client: ClientBase, partition: TableName): Promise<void> {
  await client.query(`comment on table ${qualified(partition)} is '${OUTDATED}'`)
}
