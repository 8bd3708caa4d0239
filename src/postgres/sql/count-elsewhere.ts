import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/**
 * Rows that this transaction has inserted or updated outside of this table. It may be more, by what the session has done
 * in the last second, so two of these have to be compared. `null`: the server does not count.
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
