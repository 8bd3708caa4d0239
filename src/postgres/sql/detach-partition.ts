import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/**
 * Takes a partition out without stopping readers or writers. It waits for the transactions that run; when it is
 * interrupted the partition stays half detached, and `finalize` finishes that. Not inside of a transaction.
 */
export async function detachPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
  how: 'concurrently' | 'finalize',
): Promise<void> {
  await client.query(`alter table ${qualified(parent)} detach partition ${qualified(partition)} ${how}`)
}
