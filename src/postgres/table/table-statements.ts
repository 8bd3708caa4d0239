/** All SQL of the tables for rows: how they are created, described, measured and protected. */
import type { ClientBase } from 'pg'
import { qualified, quoted, sibling, type TableName } from '../connect/identifiers'
import { columnType, type ColumnType, type TypeStep } from '../rows/column-family'
import { hypertablesNamed } from './hypertable-statements'

// ---- a new table -----------------------------------------------------------------------------------------

export interface NewTable {
  readonly table: TableName
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** The column with the row's instant; without one the table has no partitions. */
  readonly timeColumn: string | undefined
  /** `by day`: partitions of our own; `hypertable`: TimescaleDB cuts the table. */
  readonly layout: 'plain' | 'by day' | 'hypertable'
  /** Columns of indexes, each followed by the time, newest first. */
  readonly indexes: readonly (readonly string[])[]
  /** Columns of the unique index that the staged writer needs. */
  readonly key: readonly string[] | undefined
}

/** The table's comment: how a table of ours is distinguished from one that was there before. */
export const OURS = 'created by tenant-postgres-sink, which adds and drops its partitions'

/** With the one that the database fills. */
export function columnsOfNewTable(columns: NewTable['columns']): NewTable['columns'] {
  const [own] = CREATED_AT
  return columns.some(({ name }) => name === own.name) ? columns : [...columns, ...CREATED_AT]
}

const CREATED_AT = [{ name: 'created_at', type: 'timestamptz not null default now()' }] as const

/** No primary key over time, tenant and project: two messages of a project in the same instant are both kept. */
export async function createTable(client: ClientBase, wanted: NewTable): Promise<void> {
  const { table, columns, timeColumn, layout, indexes, key } = wanted
  const lines = columnsOfNewTable(columns).map(({ name, type }) => `${quoted(name)} ${type}`)
  const partitions = layout === 'by day' ? ` partition by range (${quoted(timeColumn as string)})` : ''
  await client.query(`create table ${qualified(table)} (\n  ${lines.join(',\n  ')}\n)${partitions}`)
  await client.query(`comment on table ${qualified(table)} is '${OURS}'`)
  if (layout === 'hypertable') {
    await client.query(
      `select create_hypertable($1::regclass, $2::name, chunk_time_interval => interval '1 day',
         create_default_indexes => false)`,
      [qualified(table), timeColumn],
    )
  }
  // PostgreSQL finds names that are free: a table of this name may have been here before, and be renamed with its indexes.
  for (const names of indexes) {
    const list = [...names.map(quoted), `${quoted(timeColumn as string)} desc`].join(', ')
    await client.query(`create index on ${qualified(table)} (${list})`)
  }
  if (key !== undefined) {
    await client.query(`create unique index on ${qualified(table)} (${key.map(quoted).join(', ')})`)
  }
}

// ---- what is there ---------------------------------------------------------------------------------------

export interface TableDescription {
  readonly columns: ReadonlyMap<string, ColumnType>
  /** Columns whose value PostgreSQL computes; it takes none for them. */
  readonly generated: ReadonlySet<string>
  readonly partitioned: boolean
  readonly hypertable: boolean
  /** This package has created it, so its partitions are ours to add and to drop. */
  readonly ours: boolean
}

/** `undefined` when there is no such table. */
export async function describeTable(
  client: ClientBase,
  table: TableName,
): Promise<TableDescription | undefined> {
  const { rows } = await client.query<{
    columns: [name: string, steps: TypeStep[]][]
    generated: string[]
    partitioned: boolean
    ours: boolean
  }>(
    `\
select (select coalesce(json_agg(json_build_array(attname, base.steps)), '[]')
          from pg_attribute
         cross join lateral (
               with recursive step as (
                 select atttypid as type, atttypmod as modifier, 0 as depth
                  union all
                 select case typtype when 'd' then typbasetype else typelem end,
                        case when typtype = 'd' and modifier < 0 then typtypmod else modifier end,
                        depth + 1
                   from step join pg_type on oid = type
                  where typtype = 'd' or (typcategory = 'A' and typelem <> 0 and typlen = -1)
               )
               select json_agg(json_build_object(
                        'name', typname, 'kind', typtype, 'array', typcategory = 'A', 'modifier', modifier)
                        order by depth) as steps
                 from step join pg_type on oid = type
                where typtype <> 'd') as base
         where attrelid = class.oid and attnum > 0 and not attisdropped) as columns,
       (select coalesce(json_agg(attname), '[]')
          from pg_attribute
         where attrelid = class.oid and attnum > 0 and attgenerated <> '') as generated,
       class.relkind = 'p' as partitioned,
       coalesce(obj_description(class.oid, 'pg_class') = $2, false) as ours
  from pg_class as class
 where class.oid = to_regclass($1)`,
    [qualified(table), OURS],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const hypertable = (await hypertablesNamed(client, table.table)).has(table.schema)
  const columns = row.columns.map(([name, steps]) => [name, columnType(steps)] as const)
  return { ...row, hypertable, columns: new Map(columns), generated: new Set(row.generated) }
}

export interface OwnTable {
  readonly schema: string
  readonly partitioned: boolean
  readonly hypertable: boolean
}

/** Tables of this name, in any schema, which this package has created. */
export async function listOwnTables(client: ClientBase, table: string): Promise<OwnTable[]> {
  const { rows } = await client.query<Omit<OwnTable, 'hypertable'>>(
    `\
select namespace.nspname as schema, class.relkind = 'p' as partitioned
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where class.relname = $1 and obj_description(class.oid, 'pg_class') = $2
 order by namespace.nspname`,
    [table, OURS],
  )
  const hypertables = await hypertablesNamed(client, table)
  return rows.map((row) => ({ ...row, hypertable: hypertables.has(row.schema) }))
}

/** Which of these tables of the schema have a row. */
export async function tablesWithRows(
  client: ClientBase,
  table: TableName,
  names: readonly string[],
): Promise<Set<string>> {
  const filled = new Set<string>()
  for (const name of names) {
    const { rowCount } = await client.query(`select from ${qualified(sibling(table, name))} limit 1`)
    if (rowCount === 1) filled.add(name)
  }
  return filled
}

export interface TableMeasure {
  readonly name: string
  /** As of the last `analyze`; `null`: there was none. */
  readonly rows: number | null
  /** With indexes and long values. */
  readonly bytes: number
}

/** Tables of one schema, in their order; those that are gone meanwhile are left out. */
export async function measureTables(
  client: ClientBase,
  parent: TableName,
  names: readonly string[],
): Promise<TableMeasure[]> {
  const { rows } = await client.query<TableMeasure>(
    `\
select given.name, nullif(class.reltuples, -1)::float8 as rows,
       pg_total_relation_size(class.oid)::float8 as bytes
  from unnest($1::text[], $2::text[]) with ordinality as given (name, qualified, place)
  join pg_class as class on class.oid = to_regclass(given.qualified)
 order by given.place`,
    [names, names.map((name) => qualified(sibling(parent, name)))],
  )
  return rows
}

// ---- row-level security ----------------------------------------------------------------------------------

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
  const name = qualified(table)
  const { rows } = await client.query<{ enabled: boolean; policy: boolean; granted: boolean }>(
    `\
select relrowsecurity as enabled,
       exists (select from pg_policy as policy join pg_roles as role on role.oid = any (policy.polroles)
                where policy.polrelid = class.oid and policy.polname = $2 and role.rolname = $3) as policy,
       has_table_privilege($3, class.oid, 'select') as granted
  from pg_class as class where class.oid = to_regclass($1)`,
    [name, READER_POLICY, reader],
  )
  const found = rows[0]
  if (found?.enabled !== true) await client.query(`alter table ${name} enable row level security`)
  if (found?.policy !== true) {
    await client.query(`drop policy if exists ${READER_POLICY} on ${name}`)
    await client.query(`
create policy ${READER_POLICY} on ${name} for select to ${quoted(reader)}
  using (${quoted(tenantColumn)} = nullif(current_setting('app.tenant', true), ''))`)
  }
  if (found?.granted !== true) await client.query(`grant select on ${name} to ${quoted(reader)}`)
  // After the table itself: whatever adds a partition meanwhile has waited for its lock, and finds it protected.
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

/** A row when the table is protected. */
export const IS_PROTECTED = 'select from pg_class where oid = to_regclass($1) and relrowsecurity'

/** A new partition, when the table is protected. */
export async function protectPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
): Promise<void> {
  const { rowCount } = await client.query(IS_PROTECTED, [qualified(parent)])
  if (rowCount === 1) await closeToReaders(client, partition)
}

/**
 * A partition of a protected table is closed to all but its owner: a query of the partition itself, by a privilege
 * that was granted by default or on all tables, returns no rows. In a query of the table its policy alone decides.
 */
async function closeToReaders(client: ClientBase, partition: TableName): Promise<void> {
  await client.query(`alter table ${qualified(partition)} enable row level security`)
}
