/** All SQL of daily partitions: how they are created, found, and dropped in steps that can be interrupted. */
import type { ClientBase } from 'pg'
import { qualified, sibling, type TableName } from '../connect/identifiers'

export interface Partition {
  readonly name: string
  /** A detach has begun and was interrupted. */
  readonly pending: boolean
  /** It takes the rows for which there is no other. */
  readonly isDefault: boolean
  readonly comment: string | null
}

export async function listPartitions(client: ClientBase, table: TableName): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `\
select child.relname as name, inheritance.inhdetachpending as pending,
       pg_get_expr(child.relpartbound, child.oid) = 'DEFAULT' as "isDefault",
       obj_description(child.oid, 'pg_class') as comment
  from pg_inherits as inheritance
  join pg_class as child on child.oid = inheritance.inhrelid
 where inheritance.inhparent = to_regclass($1)
 order by child.relname`,
    [qualified(table)],
  )
  return rows
}

/**
 * `detached`: a table by itself, or a partition of this table that is half detached. `other`: a partition of another
 * table, which this one may have been before it was renamed, or a view, an index, a type.
 */
export type NameHolder = 'detached' | 'other'

/** What has this name in the table's schema; `undefined`: nothing. */
export async function whoHasName(
  client: ClientBase,
  table: TableName,
  name: string,
): Promise<NameHolder | undefined> {
  const { rows } = await client.query<{ holder: NameHolder }>(
    `\
select case when class.relkind in ('r', 'p')
             and (not class.relispartition or parent.inhparent = to_regclass($2)) then 'detached'
            else 'other' end as holder
  from (select to_regclass($1) as relation, to_regtype($1) as type) as given
  left join pg_class as class on class.oid = given.relation
  left join pg_inherits as parent on parent.inhrelid = class.oid
 where given.relation is not null or given.type is not null`,
    [qualified(sibling(table, name)), qualified(table)],
  )
  return rows[0]?.holder
}

/**
 * Creates the table and then attaches it: `create table … partition of` would lock out every reader of the parent, while
 * `attach partition` locks out neither readers nor writers. `like` copies neither access method nor tablespace; an identity
 * column must not be copied, because the partition shares that of the parent.
 * @param from first instant, ISO 8601; @param to the instant after the last
 */
export async function createPartition(
  client: ClientBase,
  parent: TableName,
  partition: TableName,
  from: string,
  to: string,
): Promise<void> {
  const { rows } = await client.query<{ storage: string }>(
    `\
select concat(' using ' || quote_ident(method.amname), ' tablespace ' || quote_ident(space.spcname)) as storage
  from pg_class as class
  left join pg_am as method on method.oid = class.relam
  left join pg_tablespace as space on space.oid = class.reltablespace
 where class.oid = to_regclass($1)`,
    [qualified(parent)],
  )
  const [name, whole] = [qualified(partition), qualified(parent)]
  await client.query(
    `create table ${name} (like ${whole} including all excluding identity)${rows[0]?.storage ?? ''}`,
  )
  await client.query(`alter table ${whole} attach partition ${name} for values from ('${from}') to ('${to}')`)
}

/** How a partition that is to be dropped is distinguished from one that the operator has detached to keep it. */
export const OUTDATED = 'outdated: tenant-postgres-sink drops this table'

/** Names of the tables of this schema that were detached to be dropped. */
export async function listOutdated(client: ClientBase, { schema }: TableName): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `\
select class.relname as name
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where namespace.nspname = $1 and class.relkind = 'r' and not class.relispartition
   and obj_description(class.oid, 'pg_class') = $2`,
    [schema, OUTDATED],
  )
  return rows.map(({ name }) => name)
}

export async function markOutdated(client: ClientBase, partition: TableName): Promise<void> {
  await client.query(`comment on table ${qualified(partition)} is '${OUTDATED}'`)
}

const PUT_OFF = /^put off at (\S+): tenant-postgres-sink drops this partition (?:a day )?later$/

/** Notes in the comment of a partition when its drop was first put off, so that a restart does not forget it. */
export async function markPutOff(client: ClientBase, partition: TableName, atMs: number): Promise<void> {
  const at = new Date(atMs).toISOString()
  await client.query(
    `comment on table ${qualified(partition)} is 'put off at ${at}: tenant-postgres-sink drops this partition later'`,
  )
}

/** @returns milliseconds since 1970; `undefined` for a comment that is not ours, or none */
export function putOffAt(comment: string | null): number | undefined {
  const at = Date.parse(PUT_OFF.exec(comment ?? '')?.[1] ?? '')
  return Number.isNaN(at) ? undefined : at
}

/**
 * `concurrently` takes a partition out without stopping readers or writers. It waits for the transactions that run; when
 * it is interrupted the partition stays half detached, and `finalize` finishes that. Not inside a transaction.
 * `at once` stops readers and writers for a moment: PostgreSQL has no other way beside a default partition.
 */
export type Detaching = 'concurrently' | 'finalize' | 'at once'

export function detachPartition(parent: TableName, partition: TableName, how: Detaching): string {
  return `alter table ${qualified(parent)} detach partition ${qualified(partition)} ${how === 'at once' ? '' : how}`
}

export async function dropTable(client: ClientBase, table: TableName): Promise<void> {
  await client.query(`drop table if exists ${qualified(table)}`)
}
