import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

/**
 * Makes the table first and attaches it then: `create table … partition of` would lock out every reader of the
 * parent, `attach partition` locks out nobody who reads or writes. What `like` does not copy is given by hand; an
 * identity column may not be copied, because the partition shares that of the parent.
 * @param from first instant, ISO 8601; @param to the instant after the last
 */
export async function createPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
  from: string,
  to: string,
): Promise<void> {
  const { rows } = await client.query<{ method: string | null; tablespace: string | null }>(
    `\
select method.amname as method, space.spcname as tablespace
  from pg_class as class
  left join pg_am as method on method.oid = class.relam
  left join pg_tablespace as space on space.oid = class.reltablespace
 where class.oid = to_regclass($1)`,
    [qualified(parent)],
  )
  const { method = null, tablespace = null } = rows[0] ?? {}
  const storage = [
    ...(method === null ? [] : [`using ${quoted(method)}`]),
    ...(tablespace === null ? [] : [`tablespace ${quoted(tablespace)}`]),
  ]
  await client.query(
    `create table ${qualified(partition)} (like ${qualified(parent)} including all excluding identity) ${storage.join(' ')}`,
  )
  await client.query(`
alter table ${qualified(parent)}
  attach partition ${qualified(partition)} for values from ('${from}') to ('${to}')`)
}
