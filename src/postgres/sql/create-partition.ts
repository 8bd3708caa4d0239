import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/**
 * Makes the table first and attaches it then: `create table … partition of` would lock out every reader of the
 * parent, `attach partition` locks out nobody who reads or writes.
 * @param from first instant, ISO 8601; @param to the instant after the last
 */
export async function createPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
  from: string,
  to: string,
): Promise<void> {
  await client.query(`create table ${qualified(partition)} (like ${qualified(parent)} including all)`)
  await client.query(`
alter table ${qualified(parent)}
  attach partition ${qualified(partition)} for values from ('${from}') to ('${to}')`)
}
