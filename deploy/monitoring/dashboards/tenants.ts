/** *Tenants*: who sends how much, who waits, and whose records cannot be stored? */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { chart, number, ranking, stacked } from './panels'
import { choose, chooseJob, chooseSource, dashboard, PROMETHEUS, promql, promqlNow } from './sources'

const ROWS = 'job_tenant:postgres_rows:rate5m'
const IN_KAFKA = 'job_tenant:kafka_messages_produced:rate5m'
const DEAD_LETTERS = 'job_tenant:tenant_pipeline_dead_letters:rate5m'
const OF = '{job="$job", tenant=~"$tenant"}'

export const tenants = (): Dashboard =>
  dashboard(
    'Tenants',
    'tenant-pipeline-tenants',
    'Who sends how much, who waits, and whose records cannot be stored? Needs TENANT_PIPELINE_METRICS_TENANTS=true, ' +
      'and the recording rules of rules/recording.yml.',
  )
    .withVariable(chooseSource('prometheus', 'Prometheus', 'prometheus'))
    .withVariable(chooseJob())
    .withVariable(
      choose('tenant', 'Tenant')
        .datasource(PROMETHEUS)
        .allValue('.*')
        .query(`label_values(${ROWS}{job="$job"}, tenant)`),
    )

    .withPanel(
      number('How many tenants send?', promqlNow(`count(${ROWS}{job="$job"} > 0)`), {
        unit: 'none',
        width: 'third',
        description: 'With rows in the last 5 minutes. Beyond 100 tenants a node counts the rest as "other".',
      }),
    )
    .withPanel(
      number(
        'How much of it is the largest tenant?',
        promqlNow(`max(${ROWS}{job="$job"}) / sum(${ROWS}{job="$job"})`),
        { unit: 'percentunit', width: 'third' },
      ),
    )
    .withPanel(
      number('How many records become dead letters?', promqlNow(`sum(${DEAD_LETTERS}{job="$job"})`), {
        unit: 'recps',
        width: 'third',
        limits: [['yellow', 0.001]],
      }),
    )

    .withPanel(
      ranking('Who sends the most?', promqlNow(`topk(10, ${ROWS}${OF})`, '{{tenant}}'), { unit: 'rowsps' }),
    )
    .withPanel(
      ranking(
        'Whose records become dead letters?',
        promqlNow(`topk(10, ${DEAD_LETTERS}${OF})`, '{{tenant}}'),
        {
          unit: 'recps',
          limits: [['yellow', 0.001]],
          description: 'Reasons are on the dashboard Tenant pipeline, and with each dead letter.',
        },
      ),
    )
    .withPanel(
      stacked('How does the load develop?', [promql(`${ROWS}${OF}`, '{{tenant}}')], {
        unit: 'rowsps',
        width: 'whole',
      }),
    )
    .withPanel(
      chart(
        'Whose records gather in Kafka?',
        [promql(`clamp_min(${IN_KAFKA}${OF} - on (job, tenant) ${ROWS}${OF}, 0)`, '{{tenant}}')],
        { unit: 'recps', description: 'Stored in Kafka faster than rows are written.' },
      ),
    )
    .withPanel(
      chart('When did records become dead letters?', [promql(`${DEAD_LETTERS}${OF}`, '{{tenant}}')], {
        unit: 'recps',
      }),
    )
    .build()
