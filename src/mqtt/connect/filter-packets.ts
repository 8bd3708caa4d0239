/** How many topic filters go into one SUBSCRIBE or UNSUBSCRIBE: brokers limit their number, and the size of a packet. */
import { PipelineError } from '../../wire/errors'
import { phrase } from '../../status/phrase'

/** The largest packet of MQTT (MQTT 5 §2.1.4, with its header). */
export const MAX_PACKET_BYTES = 268_435_460
/** What AWS IoT Core takes in one packet; it closes the connection when there are more. */
const MAX_FILTERS = 8
/** Fixed header, packet id, properties. */
const HEAD_BYTES = 16
/** Length and options of a filter. */
const FILTER_BYTES = 3

/** @throws PipelineError when a filter alone is too large for a packet that the broker takes */
export function packetsOf(
  filters: readonly string[],
  maxBytes: number,
  host: string,
  maxFilters = MAX_FILTERS,
): string[][] {
  const packets: string[][] = []
  let bytes = Infinity
  for (const filter of filters) {
    const size = Buffer.byteLength(filter) + FILTER_BYTES
    if (HEAD_BYTES + size > maxBytes) throw tooLarge(filter, maxBytes, host)
    const packet = packets.at(-1)
    if (packet === undefined || packet.length === maxFilters || bytes + size > maxBytes) {
      packets.push([filter])
      bytes = HEAD_BYTES + size
    } else {
      packet.push(filter)
      bytes += size
    }
  }
  return packets
}

function tooLarge(filter: string, maxBytes: number, host: string): PipelineError {
  return new PipelineError(
    'MQTT_FILTER_UNAVAILABLE',
    `the MQTT broker at ${host} takes packets of up to ${maxBytes} bytes, and "${filter.slice(0, 60)}…" does not fit ` +
      'into one. Use a shorter topic filter, or raise the maximum packet size of the broker',
    {
      retryable: true,
      status: phrase('refused', { reason: phrase('packetsUpTo', { number: maxBytes }) }),
    },
  )
}
