/**
 * *Data*: what the rows in PostgreSQL or TimescaleDB say. The statements run on both, for the columns of a table that the
 * sink has created; `$table` is a constant of the dashboard, and `$field` a path in the payload.
 */
import {
  ConstantVariableBuilder,
  TextBoxVariableBuilder,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { chart, number, stacked, table } from './panels'
import { choose, chooseSource, dashboard, POSTGRES, sql } from './sources'

/** The time range, and the tenants that are chosen. */
const WHERE = `where $__timeFilter(time) and tenant_id in (\${tenant:sqlstring})`
const VALUE = `payload::jsonb #> string_to_array(\${field:sqlstring}, '.')`

export const data = (): Dashboard =>
  dashboard(
    'Tenant data',
    'tenant-pipeline-data',
    'What the rows in PostgreSQL or TimescaleDB say. The data source needs a role that may only read.',
  )
    .withVariable(chooseSource('postgres', 'PostgreSQL', POSTGRES.type))
    .withVariable(new ConstantVariableBuilder('table').value('iot_messages'))
    .withVariable(
      choose('tenant', 'Tenant')
        .datasource(POSTGRES)
        .query('select distinct tenant_id from $table where $__timeFilter(time) order by 1'),
    )
    .withVariable(
      new TextBoxVariableBuilder('field').label('Number in the payload').defaultValue('temperature'),
    )

    .withPanel(
      number('How many rows are there?', sql('table', `select count(*) as rows from $table ${WHERE}`), {
        unit: 'short',
        width: 'third',
      }),
    )
    .withPanel(
      number(
        'How many tenants have sent?',
        sql('table', `select count(distinct tenant_id) as tenants from $table ${WHERE}`),
        { unit: 'none', width: 'third' },
      ),
    )
    .withPanel(
      number(
        'How old is the newest row?',
        sql('table', `select extract(epoch from now() - max(time)) as age from $table ${WHERE}`),
        {
          unit: 's',
          width: 'third',
          limits: [
            ['yellow', 60],
            ['red', 600],
          ],
        },
      ),
    )

    .withPanel(
      chart(
        'How does the value develop?',
        [
          sql(
            'time_series',
            `select $__timeGroupAlias(time, $__interval), tenant_id as metric, avg((${VALUE})::numeric) as value
from $table
${WHERE} and jsonb_typeof(${VALUE}) = 'number'
group by 1, 2
order by 1`,
          ),
        ],
        {
          unit: 'none',
          width: 'whole',
          description:
            'The average of a number in the payload by tenant. "Number in the payload" is its path, such as temperature or sensors.0.value.',
        },
      ),
    )
    .withPanel(
      stacked(
        'How many rows does each tenant send?',
        [
          sql(
            'time_series',
            `select $__timeGroupAlias(time, $__interval), tenant_id as metric, count(*) as value
from $table
${WHERE}
group by 1, 2
order by 1`,
          ),
        ],
        { unit: 'short', description: 'Rows per interval of the chart.' },
      ),
    )
    .withPanel(
      chart(
        'How late are rows?',
        [
          sql(
            'time_series',
            `select $__timeGroupAlias(time, $__interval),
  percentile_cont(0.5) within group (order by extract(epoch from created_at - time)) as "half of them",
  percentile_cont(0.99) within group (order by extract(epoch from created_at - time)) as "99 % of them"
from $table
${WHERE}
group by 1
order by 1`,
          ),
        ],
        { unit: 's', description: 'From the time of the row to its being written.' },
      ),
    )
    .withPanel(
      table(
        'Who has gone quiet?',
        sql(
          'table',
          `select tenant_id as "tenant", extract(epoch from now() - max(time)) as "last row before", count(*) as "rows"
from $table
${WHERE}
group by 1
order by 2 desc
limit 100`,
        ),
        {
          units: { 'last row before': 's', rows: 'short' },
          description: 'Of those with rows in the time range.',
        },
      ),
    )
    .withPanel(
      table(
        'Which projects send the most?',
        sql(
          'table',
          `select tenant_id as "tenant", project_id as "project", count(*) as "rows",
  sum(octet_length(payload::text)) as "bytes"
from $table
${WHERE}
group by 1, 2
order by 3 desc
limit 100`,
        ),
        { units: { rows: 'short', bytes: 'bytes' } },
      ),
    )
    .build()
