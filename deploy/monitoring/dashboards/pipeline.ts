/** *Pipeline*: does everything arrive, how far behind is it, and what holds it up? */
import { MappingType, type Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { chart, number } from './panels'
import { choose, chooseJob, chooseSource, dashboard, PROMETHEUS, promql, promqlNow } from './sources'

const OF = 'job="$job", instance=~"$instance"'

const rate = (metric: string, name: string): ReturnType<typeof promql> =>
  promql(`sum(rate(${metric}{${OF}}[$__rate_interval]))`, name)

const slowest = (metric: string): ReturnType<typeof promql> =>
  promql(
    `histogram_quantile(0.95, sum by (node, le) (rate(${metric}_bucket{${OF}}[$__rate_interval])))`,
    '{{node}}',
  )

const reconnects = (metric: string, system: string): ReturnType<typeof promql> =>
  promql(`sum by (node) (increase(${metric}{${OF}}[$__rate_interval]))`, `${system}: {{node}}`)

export const pipeline = (): Dashboard =>
  dashboard(
    'Tenant pipeline',
    'tenant-pipeline',
    'Does everything arrive, how far behind is it, and what holds it up?',
  )
    .withVariable(chooseSource('prometheus', 'Prometheus', 'prometheus'))
    .withVariable(chooseJob())
    .withVariable(
      choose('instance', 'Node-RED')
        .datasource(PROMETHEUS)
        .allValue('.*')
        .query('label_values(tenant_pipeline_build_info{job="$job"}, instance)'),
    )

    .withPanel(
      number('Is every node ready?', promqlNow(`min(tenant_pipeline_node_ready{${OF}})`), {
        unit: 'none',
        base: 'red',
        limits: [['green', 1]],
        description: 'No: GET /ready of that Node-RED says which node, and why.',
      }).mappings([
        { type: MappingType.ValueToText, options: { '0': { text: 'No' }, '1': { text: 'Yes' } } },
      ]),
    )
    .withPanel(
      number(
        'How many alerts fire?',
        promqlNow(`count(ALERTS{alertstate="firing", job=~"$job|kafka|node"}) or vector(0)`),
        { unit: 'none', limits: [['red', 1]], description: 'What each means is in docs/runbook.md.' },
      ),
    )
    .withPanel(
      number('How far behind is the table?', promqlNow(`max(kafka_consumer_lag_seconds{${OF}})`), {
        unit: 's',
        limits: [
          ['yellow', 10],
          ['red', 60],
        ],
        description: 'Age of the last record that was read, while more are waiting.',
      }),
    )
    .withPanel(
      number('When does the MQTT broker drop messages?', promqlNow(`min(mqtt_queue_full_seconds{${OF}})`), {
        unit: 's',
        base: 'red',
        limits: [
          ['yellow', 900],
          ['green', 3600],
        ],
        description:
          'Time until the queue that the broker keeps for a source is full; ∞ while messages are read.',
      }),
    )
    .withPanel(
      number(
        'How many records became dead letters?',
        promqlNow(
          `sum(increase(tenant_pipeline_source_records_total{${OF}, outcome="dead_letter"}[$__range]))`,
        ),
        {
          unit: 'short',
          limits: [['yellow', 1]],
          description: 'In the time range. They are kept with the reason.',
        },
      ),
    )
    .withPanel(
      number(
        'Was anything possibly lost?',
        promqlNow(`sum(increase(tenant_pipeline_possible_loss_total{${OF}}[$__range]))`),
        {
          unit: 'short',
          limits: [['red', 1]],
          description: 'Reports in the time range; the log has the details.',
        },
      ),
    )

    .withPanel(
      chart(
        'Does every stage keep up?',
        [
          rate('mqtt_messages_received_total', 'received from MQTT'),
          rate('kafka_messages_produced_total', 'stored in Kafka'),
          rate('kafka_consumer_messages_consumed_total', 'read from Kafka'),
          rate('postgres_rows_total', 'rows written'),
        ],
        { unit: 'recps', description: 'The lines cover each other while nothing is held up or filtered.' },
      ),
    )
    .withPanel(
      chart(
        'How many records wait in Kafka?',
        [promql(`sum by (node) (kafka_consumer_lag_messages{${OF}})`, '{{node}}')],
        { unit: 'short' },
      ),
    )
    .withPanel(
      chart(
        'Where does the time go? (95 % of batches are faster)',
        [
          slowest('kafka_write_latency_seconds'),
          slowest('kafka_consumer_processing_duration_seconds'),
          slowest('postgres_transaction_duration_seconds'),
        ],
        {
          unit: 's',
          description: 'To Kafka and back; the flow with its sinks; a transaction of PostgreSQL.',
        },
      ),
    )
    .withPanel(
      chart(
        'What does a source wait for?',
        [promql(`max by (node) (tenant_pipeline_source_oldest_seconds{${OF}})`, '{{node}}')],
        {
          unit: 's',
          limits: [['red', 300]],
          description: 'Age of the oldest message that is not stored yet.',
        },
      ),
    )
    .withPanel(
      chart(
        'What fails, and why?',
        [
          promql(
            `sum by (node, code) (rate(message_processing_errors_total{${OF}}[$__rate_interval]))`,
            '{{node}}: {{code}}',
          ),
        ],
        {
          unit: 'recps',
          description: 'Refused by a node, or attempts of a source that failed, by error code.',
        },
      ),
    )
    .withPanel(
      chart(
        'Which connections were lost?',
        [
          reconnects('mqtt_reconnects_total', 'MQTT'),
          reconnects('kafka_reconnects_total', 'Kafka'),
          reconnects('postgres_reconnects_total', 'PostgreSQL'),
        ],
        { unit: 'short', description: 'Reconnects: outages that are over.' },
      ),
    )
    .withPanel(
      chart(
        'How much memory does Node-RED use?',
        [promql(`process_resident_memory_bytes{${OF}}`, '{{instance}}')],
        { unit: 'bytes' },
      ),
    )
    .withPanel(
      chart(
        'Is Node-RED busy?',
        [promql(`rate(process_cpu_seconds_total{${OF}}[$__rate_interval])`, '{{instance}}')],
        {
          unit: 'percentunit',
          limits: [['red', 0.9]],
          description: 'Of one core: more than one Node-RED cannot use, except for garbage collection.',
        },
      ),
    )
    .build()
