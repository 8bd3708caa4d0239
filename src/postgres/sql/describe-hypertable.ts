import type { ClientBase } from 'pg'
import type { TableName } from '../identifiers'

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

const DAYS = `case when extract(epoch from %)::bigint % 86400 = 0 then extract(epoch from %)::bigint / 86400 else 0 end`
const wholeDays = (interval: string): string => DAYS.replaceAll('from %', `from ${interval}`)

/** `undefined` when it is no hypertable. */
export async function describeHypertable(
  client: ClientBase,
  { schema, table }: TableName,
): Promise<HypertableState | undefined> {
  const policy = (name: string, key: string): string => `\
(select ${wholeDays(`(config->>'${key}')::interval`)}::int
   from timescaledb_information.jobs
  where hypertable_schema = $1 and hypertable_name = $2 and proc_name = '${name}')`
  const { rows } = await client.query<HypertableState>(
    `\
select dimension.column_name as "timeColumn",
       case when extract(epoch from dimension.time_interval)::bigint % 3600 = 0
            then extract(epoch from dimension.time_interval)::bigint / 3600 end::int as "chunkHours",
       hypertable.compression_enabled as compresses,
       ${policy('policy_compression', 'compress_after')} as "compressAfterDays",
       ${policy('policy_retention', 'drop_after')} as "retentionDays",
       current_setting('timescaledb.license', true) = 'timescale' as community
  from timescaledb_information.hypertables as hypertable
  join timescaledb_information.dimensions as dimension using (hypertable_schema, hypertable_name)
 where hypertable_schema = $1 and hypertable_name = $2 and dimension.dimension_number = 1`,
    [schema, table],
  )
  return rows[0]
}
