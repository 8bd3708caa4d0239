/** Where the numbers of the dashboards come from: Prometheus, or the table that the sink writes to. */
import type { Builder, Dataquery as AnyQuery } from '@grafana/grafana-foundation-sdk/cog'
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'

/** Plugins of Grafana; the dashboards ask which data source of that kind to use. */
export const PROMETHEUS = { type: 'prometheus', uid: '${prometheus}' }
export const POSTGRES = { type: 'grafana-postgresql-datasource', uid: '${postgres}' }

export type Query = Builder<AnyQuery>

/** A line for each series. @param legend such as `{{node}}` */
export const promql = (expr: string, legend: string): DataqueryBuilder =>
  new DataqueryBuilder().datasource(PROMETHEUS).expr(expr).legendFormat(legend).range()

/** The value at the end of the time range. */
export const promqlNow = (expr: string, legend = ''): DataqueryBuilder =>
  new DataqueryBuilder().datasource(PROMETHEUS).expr(expr).legendFormat(legend).instant()

/** A query of Grafana's PostgreSQL plugin, which the SDK does not know. */
interface SqlQuery extends AnyQuery {
  readonly datasource: typeof POSTGRES
  readonly format: 'time_series' | 'table'
  readonly rawQuery: true
  readonly editorMode: 'code'
  readonly rawSql: string
}

/** @param rawSql may have Grafana's macros, such as `$__timeFilter(time)` */
export function sql(format: SqlQuery['format'], rawSql: string): Query {
  const query = { datasource: POSTGRES, format, rawQuery: true, editorMode: 'code', rawSql } as const
  return { build: () => query as unknown as AnyQuery }
}

export const chooseSource = (name: string, label: string, type: string): Builder<VariableModel> =>
  new DatasourceVariableBuilder(name).label(label).type(type)

/** Values to choose from, all of them at first. */
export const choose = (name: string, label: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .multi(true)
    .includeAll(true)
    .current({ text: 'All', value: '$__all' })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)

/** The scrape job of the pipeline: all of its Node-REDs. */
export const chooseJob = (): Builder<VariableModel> =>
  new QueryVariableBuilder('job')
    .label('Pipeline')
    .datasource(PROMETHEUS)
    .query('label_values(tenant_pipeline_build_info, job)')
    .refresh(VariableRefresh.OnDashboardLoad)

export function dashboard(title: string, uid: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['tenant-pipeline'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
}
