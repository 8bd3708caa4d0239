/** What a PostgreSQL sink tells of itself when it is asked: its metrics, and whether it is ready. */
import type { PipelineError } from '../../wire/errors'
import type { Samples, Unready } from '../../watch/watched-nodes'
import type { TableSink } from './table-sink'

/**
 * @param problem what keeps it from writing
 * @param reconnects times that it could write again
 */
export function samplesOf(sink: TableSink, problem: PipelineError | undefined, reconnects: number): Samples {
  const { counts, rejections, tenants, rejectedTenants, durations, transactions, waiting } = sink
  return {
    postgres_rows_total: counts.rows,
    postgres_connection_status: unreadyOf(sink, problem) === undefined ? 1 : 0,
    postgres_reconnects_total: reconnects,
    postgres_maintenance_status: sink.isMaintained ? 1 : 0,
    postgres_transaction_duration_seconds: durations,
    postgres_transaction_records: transactions,
    postgres_waiting_messages: waiting,
    message_processing_errors_total: rejections.all,
    tenant_pipeline_tenant_records_total: tenants?.all,
    // What leaves by the output becomes a dead letter elsewhere, and is counted there.
    ...(sink.keepsDeadLetters && {
      tenant_pipeline_dead_letters_total: rejections.all,
      tenant_pipeline_tenant_dead_letters_total: rejectedTenants?.all,
    }),
  }
}

/** The table of one tenant does not count: what cannot be written there is a dead letter. */
export function unreadyOf({ ready }: Pick<TableSink, 'ready'>, problem: PipelineError | undefined): Unready {
  if (problem !== undefined || ready) return problem
  return { code: 'CONNECTING', message: 'connecting to PostgreSQL' }
}
