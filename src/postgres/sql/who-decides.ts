import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** Whose trigger decides, row by row, what becomes of it: that of a table, of a view, or of nobody. */
export type Decider = 'nobody' | 'table' | 'view'

export async function whoDecides(client: ClientBase, table: TableName): Promise<Decider> {
  // Of pg_trigger.tgtype: 1 for each row, 2 before, 4 insert, 64 instead of. TimescaleDB has triggers of its own.
  const { rows } = await client.query<{ decider: Decider }>(
    `\
select case when not exists (
              select from pg_trigger as trigger
                join pg_proc as function on function.oid = trigger.tgfoid
                join pg_namespace as namespace on namespace.oid = function.pronamespace
               where (trigger.tgrelid = class.oid
                      or trigger.tgrelid in (select relid from pg_partition_tree(class.oid)))
                 and trigger.tgtype & 5 = 5 and trigger.tgtype & 66 <> 0
                 and trigger.tgenabled <> 'D' and namespace.nspname !~ '^_timescaledb') then 'nobody'
            when class.relkind = 'v' then 'view' else 'table' end as decider
  from pg_class as class where class.oid = to_regclass($1)`,
    [qualified(table)],
  )
  return rows[0]?.decider ?? 'nobody'
}
