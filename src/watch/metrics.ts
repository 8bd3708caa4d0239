/**
 * Every metric of this package. `docs/metrics.md` shows this table; a test compares. Names, types and labels stay the same
 * over versions: dashboards and alerts are built on them.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface Metric {
  readonly type: MetricType
  readonly help: string
  /** Beside `node`, which all of them have. */
  readonly label?: string
}

const counter = (help: string, label?: string): Metric => metric('counter', help, label)
const gauge = (help: string, label?: string): Metric => metric('gauge', help, label)
const histogram = (help: string, label?: string): Metric => metric('histogram', help, label)

function metric(type: MetricType, help: string, label: string | undefined): Metric {
  return { type, help, ...(label !== undefined && { label }) }
}

export const METRICS = {
  // ---- MQTT source
  mqtt_messages_received_total: counter('MQTT messages that entered the flow.'),
  mqtt_connection_status: gauge('1 while the source is connected and subscribed, otherwise 0.'),
  mqtt_reconnects_total: counter('Connections after the first one.'),
  mqtt_unacknowledged_messages: gauge(
    'MQTT messages that have arrived and are not acknowledged: the window in use.',
  ),
  mqtt_window_messages: gauge(
    'Max. in flight of the source: with this many unacknowledged messages it reads no more.',
  ),
  mqtt_queue_full_seconds: gauge(
    'Estimated seconds until the queue that the MQTT broker keeps for the source is full: +Inf while messages are read, 0 when it is full.',
  ),
  mqtt_batch_messages: histogram('MQTT messages in a batch, by what ended it.', 'reason'),

  // ---- Kafka producer
  kafka_messages_produced_total: counter('Records that all in-sync replicas have.'),
  kafka_write_latency_seconds: histogram(
    'Time from sending a batch to its answer; failed attempts are not counted.',
  ),
  kafka_batch_records: histogram('Records in a batch of one partition, by what ended it.', 'reason'),
  kafka_producer_waiting_records: gauge('Records that the producer has taken and Kafka has not stored yet.'),

  // ---- Kafka consumer
  kafka_consumer_messages_consumed_total: counter('Kafka records that entered the flow.'),
  kafka_consumer_processing_duration_seconds: histogram(
    'Time in which the flow has settled a batch of one partition.',
  ),
  kafka_consumer_lag_messages: gauge(
    'Records in Kafka after those that entered the flow, and those in partitions that no member of the group reads.',
  ),
  kafka_consumer_lag_seconds: gauge(
    'Age of the last record that entered the flow, of the partition that is furthest behind; 0 without lag.',
  ),

  kafka_consumer_stopped_partitions: gauge(
    'Partitions that have stopped, because records may be lost or cannot be read, until the operator releases them.',
  ),

  // ---- both
  kafka_connection_status: gauge('1 while Kafka takes records, or gives them; otherwise 0.'),
  kafka_reconnects_total: counter('Outages of Kafka that are over for the node; it looks once a second.'),

  // ---- validation
  tenant_pipeline_validated_records_total: counter(
    'Records that a tenant validate node has judged: valid, invalid, or unchecked because no rule is for them.',
    'result',
  ),
  tenant_pipeline_tenant_invalid_records_total: counter(
    'Records that a tenant validate node has refused, by tenant: only when asked for, 100 tenants at most, then "other".',
    'tenant',
  ),

  // ---- PostgreSQL sink
  postgres_rows_total: counter('Records that became rows.'),
  postgres_changed_rows_total: counter(
    'Rows that the statement of tenant-postgres-apply has changed or returned.',
  ),
  postgres_connection_status: gauge('1 while the sink can write, otherwise 0.'),
  postgres_reconnects_total: counter('Times that the sink could write again after it could not.'),
  postgres_maintenance_status: gauge(
    '1 while partitions are added and old rows are dropped as they should; 0 from a run that did not succeed until one does.',
  ),
  postgres_transaction_duration_seconds: histogram('Time of a committed transaction, with its COPY.'),
  postgres_transaction_records: histogram('Records in a committed transaction.'),
  postgres_waiting_messages: gauge('Messages in the sink that are not written yet.'),
  rollup_windows_total: counter('Windows that a roll-up has added numbers to.'),
  rollup_skipped_values_total: counter(
    'Values that a roll-up has left out, because they are no finite number.',
  ),
  rollup_empty_records_total: counter(
    'Records without a number in which a roll-up has found nothing to add.',
  ),

  // ---- every source
  tenant_pipeline_source_records_total: counter(
    'Records that a source is done with: delivered, filtered, dead_letter, or handed_back to another consumer of the group.',
    'outcome',
  ),
  tenant_pipeline_source_in_flight_records: gauge(
    'Records that a source has received and is not done with: received = source_records_total + in flight.',
  ),
  tenant_pipeline_source_held_messages: gauge(
    'Messages that failed for good and are stored nowhere: they wait for a person.',
  ),
  tenant_pipeline_source_oldest_seconds: gauge(
    'Age of the oldest message that is not settled; 0 without one.',
  ),
  tenant_pipeline_redeliveries_total: counter('Messages that a source has sent into the flow again.'),

  // ---- dead letter source
  tenant_pipeline_replayed_letters_total: counter(
    'Dead letters that a replay has sent through the flow, by how they ended: delivered, filtered or failed.',
    'outcome',
  ),

  // ---- every node
  message_processing_errors_total: counter(
    'Messages, or records of a batch, that a node refused, or a sink can never store; at a source: attempts that failed. By error code.',
    'code',
  ),
  tenant_pipeline_dead_letters_total: counter(
    'Dead letters that the node has kept, by the code of their reason.',
    'reason',
  ),
  tenant_pipeline_tenant_records_total: counter(
    'Records that a sink has stored, by tenant: only when asked for, 100 tenants at most, then "other".',
    'tenant',
  ),
  tenant_pipeline_tenant_dead_letters_total: counter(
    'Dead letters that the node has kept, by tenant: only when asked for, 100 tenants at most, then "other".',
    'tenant',
  ),
  tenant_pipeline_possible_loss_total: counter(
    'Reports of a possible loss, by the code in docs/events.md.',
    'code',
  ),
  tenant_pipeline_events_total: counter('Lines in the log, by the code in docs/events.md.', 'code'),
  tenant_pipeline_node_ready: gauge('1 while the node counts as ready for /ready, otherwise 0.', 'type'),
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof METRICS
