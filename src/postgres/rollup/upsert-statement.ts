/** SQL that adds aggregates to the windows of one table, or makes the windows that there are not yet. */
import { qualified, quoted, type TableName } from '../connect/identifiers'
import { KEY, ROLLUP_COLUMNS } from './upsert-columns'

/** A row that the statement returns; what PostgreSQL has as bigint or numeric is text. */
export interface ReturnedWindow {
  readonly time: Date
  readonly tenant_id: string
  readonly project_id: string
  readonly device_id: string
  readonly metric: string
  readonly count: string
  readonly sum: string
  /** The sum of the squared deviations from the mean, times the count: exact, where differences of rounded numbers are not. */
  readonly spread: string
  readonly min: number
  readonly max: number
  readonly first: number
  readonly first_time: Date
  readonly last: number
  readonly last_time: Date
}

const RETURNED = [
  ...['time', 'tenant_id', 'project_id', 'device_id', 'metric', 'count', 'sum', 'min', 'max'],
  ...['first', 'first_time', 'last', 'last_time'],
]

/** @param returns the windows as they are afterwards */
export function upsert(table: TableName, returns: boolean): string {
  const columns = ROLLUP_COLUMNS.map(({ name }) => quoted(name)).join(', ')
  const arrays = ROLLUP_COLUMNS.map(({ type }, at) => `$${at + 1}::${type}[]`).join(', ')
  const returned = RETURNED.map((name) => `kept.${quoted(name)}`).join(', ')
  const spread = 'kept."count" * kept."sum_squares" - kept."sum" * kept."sum" as spread'
  return `\
insert into ${qualified(table)} as kept (${columns})
select ${columns} from unnest(${arrays}) as given (${columns})
on conflict (${KEY.map(quoted).join(', ')}) do update set
  "count" = kept."count" + excluded."count",
  "sum" = kept."sum" + excluded."sum",
  "sum_squares" = kept."sum_squares" + excluded."sum_squares",
  "min" = least(kept."min", excluded."min"),
  "max" = greatest(kept."max", excluded."max"),
${ends('first', '<', 'least')},
${ends('last', '>', 'greatest')}${returns ? `\nreturning ${returned}, ${spread}` : ''}`
}

/** By event time, then offset, then value, as `aggregate.ts` decides within a batch. */
function ends(end: 'first' | 'last', sign: '<' | '>', time: 'least' | 'greatest'): string {
  const of = (row: string): string => `(${row}."${end}_time", ${row}."${end}_offset", ${row}."${end}")`
  const replaces = `${of('excluded')} ${sign} ${of('kept')}`
  const choice = (name: string): string =>
    `  "${name}" = case when ${replaces} then excluded."${name}" else kept."${name}" end`
  return [
    choice(end),
    `  "${end}_time" = ${time}(kept."${end}_time", excluded."${end}_time")`,
    choice(`${end}_offset`),
  ].join(',\n')
}
