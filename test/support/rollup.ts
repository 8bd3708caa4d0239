/** A roll-up on a database, and plain SQL over raw rows that says what it has to have come to. */
import type { Database } from '../../src/postgres/connect/database'
import { RollupTables, type RollupTablesOptions } from '../../src/postgres/rollup/rollup-tables'
import { WINDOW_MS, WINDOW_NAMES, type WindowName } from '../../src/postgres/rollup/windows'
import { TableSink } from '../../src/postgres/sink/table-sink'
import type { TestDatabase } from './postgres'
import { sinkOptions, type SinkChange } from './sink'

export const BASE = { schema: 'public', table: 'iot_rollup' }

export function openRollup(
  database: Database,
  change: Partial<RollupTablesOptions> = {},
  ofSink: SinkChange = {},
): TableSink {
  const options = sinkOptions(database, {
    ledgerName: 'rollup1',
    target: `${BASE.schema}.${BASE.table}`,
    ...ofSink,
  })
  return new TableSink({
    ...options,
    tables: () =>
      new RollupTables({
        ...{ database, base: BASE, createTable: true, events: options.events, metrics: [] },
        windows: WINDOW_NAMES.map((name) => ({ name, retentionDays: 0 })),
        timeProperty: ['payload', 'at'],
        bounds: { pastDays: 31, futureDays: 1 },
        tells: () => false,
        onRolledUp: () => undefined,
        ...change,
      }),
  })
}

const RESULT =
  'tenant_id, project_id, device_id, metric, time, count, sum, sum_squares, min, max, first, last'

/** What is in the table of a length. */
export function windowsOf(database: TestDatabase, name: WindowName, base = BASE.table): Promise<object[]> {
  return database.query(
    `select ${RESULT.replace('sum,', 'trim_scale(sum) as sum,').replace('sum_squares,', 'trim_scale(sum_squares) as sum_squares,')}
       from ${base}_${name} order by tenant_id collate "C", project_id collate "C", device_id collate "C", metric collate "C", time`,
  )
}

/**
 * What plain SQL makes of the raw rows.
 * @param raw has the columns tenant_id, project_id, device_id, payload (jsonb), time, kafka_offset
 * @param metrics names of numbers at the top of the payload
 */
export function plainSql(
  database: TestDatabase,
  raw: string,
  name: WindowName,
  metrics: readonly string[],
): Promise<object[]> {
  const seconds = WINDOW_MS[name] / 1000
  return database.query(
    `\
with point as (
  select coalesce(tenant_id, '') as tenant_id, coalesce(project_id, '') as project_id,
         coalesce(device_id, '') as device_id, metric,
         to_timestamp(floor(extract(epoch from time) / ${seconds}) * ${seconds}) as window_time,
         time, kafka_offset, (payload ->> metric)::numeric as value
    from ${raw} cross join unnest($1::text[]) as metric
   where jsonb_typeof(payload -> metric) = 'number')
select tenant_id, project_id, device_id, metric, window_time as time, count(*) as count,
       trim_scale(sum(value)) as sum, trim_scale(sum(value * value)) as sum_squares,
       min(value)::float8 as min, max(value)::float8 as max,
       (array_agg(value::float8 order by time, kafka_offset, value))[1] as first,
       (array_agg(value::float8 order by time desc, kafka_offset desc, value desc))[1] as last
  from point
 group by tenant_id, project_id, device_id, metric, window_time
 order by tenant_id collate "C", project_id collate "C", device_id collate "C", metric collate "C", time`,
    [[...metrics]],
  )
}
