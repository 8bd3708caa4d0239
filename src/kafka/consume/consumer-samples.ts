/** What a consumer tells of itself when it is asked: its metrics, and whether it is ready. */
import type { Samples, Unready } from '../../watch/watched-nodes'
import type { KafkaSource } from './source'

/** It belongs to its group, and nothing keeps it from reading. */
export const isReading = ({ joined, away }: Pick<KafkaSource, 'joined' | 'away'>): boolean =>
  joined && away === undefined

/** @param reconnects outages that are over */
export function samplesOf(source: KafkaSource, reconnects: number): Samples {
  const { stoppedCount, received, durations, lag, lagMs, account, heldCount, oldestMs } = source
  return {
    kafka_consumer_messages_consumed_total: received,
    kafka_consumer_processing_duration_seconds: durations,
    kafka_consumer_lag_messages: lag,
    kafka_consumer_lag_seconds: lagMs / 1000,
    kafka_consumer_stopped_partitions: stoppedCount,
    kafka_connection_status: isReading(source) ? 1 : 0,
    kafka_reconnects_total: reconnects,
    ...account.samples(),
    tenant_pipeline_source_held_messages: heldCount,
    tenant_pipeline_source_oldest_seconds: oldestMs / 1000,
  }
}

/** A partition that has stopped is a person's matter: the others are read. */
export function unreadyOf({ state, away, joined }: Pick<KafkaSource, 'state' | 'away' | 'joined'>): Unready {
  if (away !== undefined) return away
  if (joined || state === 'unwired') return undefined
  return { code: 'JOINING', message: 'joining the consumer group' }
}
