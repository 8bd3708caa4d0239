/** What a producer tells of itself when it is asked: its metrics, and whether it is ready. */
import type { PipelineError } from '../../wire/errors'
import type { Samples, Unready } from '../../watch/watched-nodes'
import type { TenantProducer } from './producer'

/**
 * @param problem what keeps it from storing
 * @param reconnects outages that are over
 */
export function samplesOf(
  producer: TenantProducer,
  problem: PipelineError | undefined,
  reconnects: number,
): Samples {
  const { storedRecords, latencies, batches, heldRecords } = producer
  return {
    kafka_messages_produced_total: storedRecords,
    kafka_write_latency_seconds: latencies,
    kafka_batch_records: batches,
    kafka_producer_waiting_records: heldRecords,
    kafka_connection_status: unreadyOf(producer, problem) === undefined ? 1 : 0,
    kafka_reconnects_total: reconnects,
  }
}

export function unreadyOf(
  { connected }: Pick<TenantProducer, 'connected'>,
  problem: PipelineError | undefined,
): Unready {
  if (problem !== undefined || connected) return problem
  return { code: 'CONNECTING', message: 'connecting to Kafka' }
}
