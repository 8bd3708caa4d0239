/** SQL of writing by key, and of what triggers and views do to the count of rows. */
import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../connect/identifiers'

/**
 * An empty temporary table with the target's columns. The connection may have had one already, for another mapping of
 * the same table or from before the table was changed, so it is dropped after one use.
 */
export async function createStaging(
  client: ClientBase,
  staging: string,
  table: TableName,
  columns: readonly string[],
): Promise<void> {
  await client.query(`
create temporary table ${quoted(staging)} on commit drop as
select ${columns.map(quoted).join(', ')} from ${qualified(table)} with no data`)
}

/**
 * It names the key, so that a violation of another unique index is an error and not a missing row. It sorts by the key,
 * so that two of these statements cannot deadlock.
 * @returns the number of new rows
 */
export async function insertStaged(
  client: ClientBase,
  staging: string,
  table: TableName,
  columns: readonly string[],
  key: readonly string[],
): Promise<number> {
  const list = columns.map(quoted).join(', ')
  const keyList = key.map(quoted).join(', ')
  const { rowCount } = await client.query(`
insert into ${qualified(table)} (${list})
select ${list} from pg_temp.${quoted(staging)} order by ${keyList}
on conflict (${keyList}) do nothing`)
  await client.query(`drop table pg_temp.${quoted(staging)}`)
  return rowCount ?? 0
}

/**
 * Rows that this transaction has inserted or updated outside this table. It may include what the session did in the last
 * second, so only the difference between two counts is exact. `null`: the server does not count.
 */
export async function countElsewhere(client: ClientBase, table: TableName): Promise<number | null> {
  const { rows } = await client.query<{ count: number | null }>(
    `\
select case when current_setting('track_counts')::boolean
            then coalesce(sum(n_tup_ins + n_tup_upd), 0)::float8 end as count
  from pg_stat_xact_user_tables
 where schemaname !~ '^_timescaledb' and relid <> to_regclass($1)
   and relid not in (select relid from pg_partition_tree(to_regclass($1)) where relid is not null)`,
    [qualified(table)],
  )
  return rows[0]?.count ?? null
}

/** Whose trigger decides, row by row, where it goes: that of a table, of a view, or none. */
export type Decider = 'none' | 'table' | 'view'

export async function whoDecides(client: ClientBase, table: TableName): Promise<Decider> {
  // Of pg_trigger.tgtype: 1 for each row, 2 before, 4 insert, 64 instead of. TimescaleDB has its own triggers.
  const { rows } = await client.query<{ decider: Decider }>(
    `\
select case when not exists (
              select from pg_trigger as trigger
                join pg_proc as function on function.oid = trigger.tgfoid
                join pg_namespace as namespace on namespace.oid = function.pronamespace
               where (trigger.tgrelid = class.oid
                      or trigger.tgrelid in (select relid from pg_partition_tree(class.oid)))
                 and trigger.tgtype & 5 = 5 and trigger.tgtype & 66 <> 0
                 and trigger.tgenabled <> 'D' and namespace.nspname !~ '^_timescaledb') then 'none'
            when class.relkind = 'v' then 'view' else 'table' end as decider
  from pg_class as class where class.oid = to_regclass($1)`,
    [qualified(table)],
  )
  return rows[0]?.decider ?? 'none'
}
