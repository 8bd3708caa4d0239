/** What an MQTT source tells of itself when it is asked: its metrics, and whether it is ready. */
import type { Samples, Unready } from '../watch/watched-nodes'
import type { MqttSource } from './source'

export function samplesOf(source: MqttSource): Samples {
  const { state, arrived, connections, out, windowMessages, batches, gathered, heldCount, oldestMs } = source
  return {
    mqtt_messages_received_total: arrived,
    mqtt_connection_status: state.kind === 'connected' ? 1 : 0,
    mqtt_reconnects_total: Math.max(0, connections - 1),
    mqtt_unacknowledged_messages: out,
    mqtt_window_messages: windowMessages,
    mqtt_queue_full_seconds: secondsUntilFull(source),
    mqtt_batch_messages: batches,
    ...source.account.samples(gathered),
    tenant_pipeline_source_held_messages: heldCount,
    tenant_pipeline_source_oldest_seconds: oldestMs / 1000,
  }
}

function secondsUntilFull({ queueForecast }: Pick<MqttSource, 'queueForecast'>): number {
  if (queueForecast === undefined) return Infinity
  return queueForecast.kind === 'full' ? 0 : Math.max(0, queueForecast.secondsLeft)
}

/** One that is paused, or that nothing is wired to, reads nothing, on purpose: it does not count. */
export function unreadyOf({ state }: Pick<MqttSource, 'state'>): Unready {
  switch (state.kind) {
    case 'connected':
    case 'unwired':
    case 'paused':
      return undefined
    case 'waiting':
      return state.error
    case 'connecting':
      return { code: 'CONNECTING', message: `connecting to the MQTT broker at ${state.host}` }
    case 'clientIdTaken':
      return {
        code: 'MQTT_CLIENT_ID_TAKEN',
        message: `node ${state.byNode} uses the same MQTT client ID; this node waits`,
      }
    case 'resting':
      return {
        code: 'MQTT_RESTING',
        message: 'the flow takes nothing, so the source has left the MQTT broker until it does',
      }
    case 'idle':
    case 'closed':
      return { code: 'CLOSED', message: 'not started, or closed' }
  }
}
