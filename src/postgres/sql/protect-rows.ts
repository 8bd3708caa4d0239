import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

/** The policy by which the reader role sees the rows of one tenant. */
export const READER_POLICY = 'tenant_reader'

/**
 * Row-level security for a role that reads: it sees the rows of the tenant that its session has set as `app.tenant`,
 * and none when it has set nothing. A setting of an earlier transaction is `''` afterwards, not null, hence `nullif`.
 * The owner of the table, who writes, is not bound. Changes only what is missing, so that a writer which does not own
 * the table finds all of it done.
 */
export async function protectRows(
  client: ClientBase,
  table: TableName,
  tenantColumn: string,
  reader: string,
): Promise<void> {
  const { rows } = await client.query<{ enabled: boolean; policy: boolean; granted: boolean }>(
    `\
select relrowsecurity as enabled,
       exists (select from pg_policy as policy join pg_roles as role on role.oid = any (policy.polroles)
                where policy.polrelid = class.oid and policy.polname = $2 and role.rolname = $3) as policy,
       has_table_privilege($3, class.oid, 'select') as granted
  from pg_class as class where class.oid = to_regclass($1)`,
    [qualified(table), READER_POLICY, reader],
  )
  const found = rows[0]
  const name = qualified(table)
  if (found?.enabled !== true) await client.query(`alter table ${name} enable row level security`)
  if (found?.policy !== true) {
    await client.query(`drop policy if exists ${READER_POLICY} on ${name}`)
    await client.query(`
create policy ${READER_POLICY} on ${name} for select to ${quoted(reader)}
  using (${quoted(tenantColumn)} = nullif(current_setting('app.tenant', true), ''))`)
  }
  if (found?.granted !== true) await client.query(`grant select on ${name} to ${quoted(reader)}`)
  // After the table itself: who adds a partition meanwhile has waited for its lock, and finds it protected.
  await protectPartitions(client, table)
}

/** Those that were there before the table was protected, half detached ones too: they still have rows. */
async function protectPartitions(client: ClientBase, parent: TableName): Promise<void> {
  const { rows } = await client.query<{ schema: string; table: string }>(
    `\
with recursive part as (
  select inhrelid as oid from pg_inherits where inhparent = to_regclass($1)
  union all
  select inhrelid from pg_inherits join part on inhparent = part.oid
)
select namespace.nspname as schema, class.relname as table
  from part
  join pg_class as class using (oid)
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where not class.relrowsecurity and class.relkind in ('r', 'p')
 order by 1, 2`,
    [qualified(parent)],
  )
  for (const partition of rows) await closeToReaders(client, partition)
}

/** A new partition, when the table is protected. */
export async function protectPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
): Promise<void> {
  const { rowCount } = await client.query(
    'select from pg_class where oid = to_regclass($1) and relrowsecurity',
    [qualified(parent)],
  )
  if (rowCount === 1) await closeToReaders(client, partition)
}

/**
 * A partition of a protected table is closed to everybody but its owner: who asks it directly, by a right that was
 * given by default or to all tables, sees nothing. Asked through the table, the table's policy alone decides.
 */
async function closeToReaders(client: ClientBase, partition: TableName): Promise<void> {
  await client.query(`alter table ${qualified(partition)} enable row level security`)
}
