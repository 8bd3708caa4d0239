/** All SQL of hypertables: whether TimescaleDB is there, how it keeps a table, its policies, and its chunks. */
import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../connect/identifiers'

// ---- the extension ---------------------------------------------------------------------------------------

/** Of the extension in this database, such as `2.28.3`; `undefined`: it has none. */
export async function timescaleVersion(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ version: string }>(
    `select extversion as version from pg_extension where extname = 'timescaledb'`,
  )
  return rows[0]?.version
}

/**
 * Whether this database has TimescaleDB. Where the server offers it and the database does not have it yet, it is
 * switched on; a role that lacks the permission goes without. Only inside a transaction.
 */
export async function enableTimescale(client: ClientBase): Promise<boolean> {
  // The setting is there when the server has loaded the library: creating the extension without it ends the session.
  const { rows } = await client.query<{ installed: boolean; offered: boolean }>(`\
select exists(select from pg_extension where extname = 'timescaledb') as installed,
       exists(select from pg_available_extensions where name = 'timescaledb')
         and current_setting('timescaledb.disable_load', true) is not null as offered`)
  const { installed, offered } = rows[0] as { installed: boolean; offered: boolean }
  if (installed || !offered) return installed
  await client.query('savepoint extension')
  try {
    await client.query('create extension timescaledb')
    await client.query('release savepoint extension')
    return true
  } catch {
    // When the connection is gone this fails too, and says so.
    await client.query('rollback to savepoint extension')
    return false
  }
}

/**
 * Where TimescaleDB lists its hypertables. Its triggers do not tell: 2.23 removed the one that all had. The view has those
 * cut by time; the table below it all of them.
 */
const CATALOGS = [
  { relation: 'timescaledb_information.hypertables', schema: 'hypertable_schema', name: 'hypertable_name' },
  { relation: '_timescaledb_catalog.hypertable', schema: 'schema_name', name: 'table_name' },
] as const

/** The schemas in which a table of this name is a hypertable; none where the database has no TimescaleDB. */
export async function hypertablesNamed(client: ClientBase, table: string): Promise<ReadonlySet<string>> {
  const schemas = new Set<string>()
  for (const { relation, schema, name } of CATALOGS) {
    const { rowCount } = await client.query('select where to_regclass($1) is not null', [relation])
    if (rowCount === 0) continue
    const { rows } = await client.query<{ schema: string }>(
      `select ${schema}::text as schema from ${relation} where ${name} = $1`,
      [table],
    )
    for (const found of rows) schemas.add(found.schema)
  }
  return schemas
}

// ---- a table and its policies ----------------------------------------------------------------------------

/** How TimescaleDB keeps a table now. */
export interface HypertableState {
  readonly timeColumn: string
  /** `null`: not a whole number of hours. */
  readonly chunkHours: number | null
  readonly compresses: boolean
  /** Of the policy; `null`: there is none, 0: another length than whole days. */
  readonly compressAfterDays: number | null
  readonly retentionDays: number | null
  /** The edition with policies and compression; the Apache one has neither. */
  readonly community: boolean
}

/** `undefined` when it is no hypertable. */
export async function describeHypertable(
  client: ClientBase,
  { schema, table }: TableName,
): Promise<HypertableState | undefined> {
  const daysOf = (policy: string, key: string): string => `\
(select case when seconds % 86400 = 0 then seconds / 86400 else 0 end::int
   from timescaledb_information.jobs, cast(extract(epoch from (config->>'${key}')::interval) as bigint) as seconds
  where hypertable_schema = $1 and hypertable_name = $2 and proc_name = '${policy}')`
  const { rows } = await client.query<HypertableState>(
    `\
select dimension.column_name as "timeColumn",
       case when seconds % 3600 = 0 then seconds / 3600 end::int as "chunkHours",
       hypertable.compression_enabled as compresses,
       ${daysOf('policy_compression', 'compress_after')} as "compressAfterDays",
       ${daysOf('policy_retention', 'drop_after')} as "retentionDays",
       current_setting('timescaledb.license', true) = 'timescale' as community
  from timescaledb_information.hypertables as hypertable
  join timescaledb_information.dimensions as dimension using (hypertable_schema, hypertable_name)
 cross join cast(extract(epoch from dimension.time_interval) as bigint) as seconds
 where hypertable_schema = $1 and hypertable_name = $2 and dimension.dimension_number = 1`,
    [schema, table],
  )
  return rows[0]
}

/** For the chunks that are created from now on. */
export async function setChunkHours(client: ClientBase, table: TableName, hours: number): Promise<void> {
  await client.query('select set_chunk_time_interval($1::regclass, make_interval(hours => $2::int))', [
    qualified(table),
    hours,
  ])
}

/** @param segmentBy the column whose rows lie together in a compressed chunk; `undefined`: none */
export async function allowCompression(
  client: ClientBase,
  table: TableName,
  timeColumn: string,
  segmentBy: string | undefined,
): Promise<void> {
  const segment = segmentBy === undefined ? '' : `, timescaledb.compress_segmentby = '${quoted(segmentBy)}'`
  await client.query(
    `alter table ${qualified(table)} set
       (timescaledb.compress, timescaledb.compress_orderby = '${quoted(timeColumn)} desc'${segment})`,
  )
}

/** Replaces a policy. @param days 0: there is none afterwards */
export async function setPolicy(
  client: ClientBase,
  table: TableName,
  policy: 'compression' | 'retention',
  days: number,
): Promise<void> {
  const [name, hourly] = [qualified(table), `, schedule_interval => interval '1 hour'`]
  const when = `make_interval(days => $2::int)${policy === 'retention' ? hourly : ''}`
  await client.query(`select remove_${policy}_policy($1::regclass, if_exists => true)`, [name])
  if (days > 0) await client.query(`select add_${policy}_policy($1::regclass, ${when})`, [name, days])
}

// ---- its chunks ------------------------------------------------------------------------------------------

export interface Chunk {
  readonly name: string
  readonly from: Date
  /** The instant after its last. */
  readonly to: Date
}

/** All chunks; TimescaleDB creates one when rows come for it. */
export async function listChunks(client: ClientBase, { schema, table }: TableName): Promise<Chunk[]> {
  const { rows } = await client.query<Chunk>(
    `\
select chunk_name as name, range_start as "from", range_end as "to"
  from timescaledb_information.chunks
 where hypertable_schema = $1 and hypertable_name = $2
 order by range_start`,
    [schema, table],
  )
  return rows
}

export interface MeasuredChunk extends Chunk {
  /** Estimated; `null` when PostgreSQL has no estimate yet. */
  readonly rows: number | null
  readonly bytes: number
}

/** The chunks whose newest row is older than this instant: what `drop_chunks` drops. */
export async function listOutdatedChunks(
  client: ClientBase,
  table: TableName,
  before: Date,
): Promise<MeasuredChunk[]> {
  const { rows } = await client.query<MeasuredChunk>(
    `\
select chunk.chunk_name as name, chunk.range_start as "from", chunk.range_end as "to",
       approximate_row_count(format('%I.%I', chunk.chunk_schema, chunk.chunk_name)::regclass)::float8 as rows,
       size.total_bytes::float8 as bytes
  from timescaledb_information.chunks as chunk
  join chunks_detailed_size($1::regclass) as size using (chunk_schema, chunk_name)
 where chunk.hypertable_schema = $2 and chunk.hypertable_name = $3
   and chunk.range_end <= $4::timestamptz
 order by chunk.range_start`,
    [qualified(table), table.schema, table.table, before],
  )
  return rows
}

/** Drops the chunks whose newest row is older than this instant. @returns how many */
export async function dropChunks(client: ClientBase, table: TableName, before: Date): Promise<number> {
  const { rows } = await client.query('select drop_chunks($1::regclass, older_than => $2::timestamptz)', [
    qualified(table),
    before,
  ])
  return rows.length
}
