/**
 * What a database looks like that has TimescaleDB, on a server that does not: the catalogue of both generations, and
 * functions that write down how they were called. Nothing is cut or dropped.
 */
import type { TestDatabase } from './postgres'

/** Before 2.23 each hypertable has a trigger; some tools look for it, we do not. */
export type Generation = 'with its trigger' | 'without a trigger'

export interface PretendedHypertable {
  readonly generation: Generation
  readonly version: string
  /** The statement that creates the table; its columns have to be those that the sink writes. */
  readonly table: string
  /** Default `iot_messages`. */
  readonly name?: string
}

export async function pretendTimescale(database: TestDatabase, version: string): Promise<void> {
  await database.query(`set allow_system_table_mods = on;
    insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select 1, 'timescaledb', 10, oid, false, '${version}' from pg_namespace where nspname = 'public'`)
}

export async function pretendHypertable(
  database: TestDatabase,
  { generation, version, table, name = 'iot_messages' }: PretendedHypertable,
): Promise<void> {
  await pretendTimescale(database, version)
  await database.query(`${table};
    create schema _timescaledb_catalog;
    create table _timescaledb_catalog.hypertable (id int, schema_name name, table_name name);
    insert into _timescaledb_catalog.hypertable values (1, 'public', '${name}');
    create schema timescaledb_information;
    create view timescaledb_information.hypertables as
      select schema_name as hypertable_schema, table_name as hypertable_name, false as compression_enabled
        from _timescaledb_catalog.hypertable;
    create table timescaledb_information.dimensions as
      select 'public'::name as hypertable_schema, '${name}'::name as hypertable_name,
             1::bigint as dimension_number, 'time'::name as column_name, interval '1 day' as time_interval;
    create table timescaledb_information.jobs
      (hypertable_schema name, hypertable_name name, proc_name name, config jsonb);
    create table timescaledb_information.chunks as
      select 'public'::name as hypertable_schema, '${name}'::name as hypertable_name, chunk as chunk_name,
             range_start, range_start + interval '1 day' as range_end
        from (values ('_chunk_1', now() - interval '9 days'), ('_chunk_2', now())) as chunks (chunk, range_start);
    create table calls (call text);
    create function set_chunk_time_interval(regclass, length interval) returns void
      language sql as 'update timescaledb_information.dimensions set time_interval = length';
    create function remove_retention_policy(regclass, if_exists boolean) returns void
      language sql as 'delete from timescaledb_information.jobs';
    create function add_retention_policy(regclass, drop_after interval, schedule_interval interval) returns void
      language sql as $$
        insert into timescaledb_information.jobs
        values ('public', '${name}', 'policy_retention', jsonb_build_object('drop_after', drop_after)) $$;
    create function drop_chunks(relation regclass, older_than timestamptz) returns setof text
      language sql as 'insert into calls values (round(extract(epoch from now() - older_than))::text) returning call';
    alter database ${new URL(database.url).pathname.slice(1)} set timescaledb.license = 'timescale'`)
  if (generation === 'without a trigger') return
  await database.query(`
    create function insert_blocker() returns trigger language plpgsql as 'begin return new; end';
    create trigger ts_insert_blocker before insert on ${name} for each row execute function insert_blocker()`)
}
