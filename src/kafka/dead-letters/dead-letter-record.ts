/**
 * A dead letter as a Kafka record: the value is the original payload, so that a consumer can put the record back
 * where it belongs; the reason and the rest are headers. What the original record carried keeps its names.
 */
import { cutPayload, isCut, type DeadLetter } from '../../dead-letters/dead-letter'
import { HEADER } from '../../record/header-names'
import { unshownHeaders, unshownText } from '../../record/header-text'
import type { HeaderText } from '../../wire/message'
import type { KafkaRecord } from '../driver'

/**
 * What is tried when the broker says that the record is too large: how many bytes of the payload, and whether the
 * original headers (of which a device chooses the number and the size) are kept. Kafka's default limit is 1 MiB.
 */
export const CUTS: readonly { readonly payloadBytes: number; readonly originalHeaders: boolean }[] = [
  { payloadBytes: Infinity, originalHeaders: true },
  { payloadBytes: 900_000, originalHeaders: true },
  { payloadBytes: 64_000, originalHeaders: false },
  { payloadBytes: 1_000, originalHeaders: false },
]

const LONGEST_TEXT = 4_000

/** @param cut the index in `CUTS` */
export function deadLetterRecord(letter: DeadLetter, cut = 0): KafkaRecord {
  const { payloadBytes, originalHeaders } = CUTS[Math.min(cut, CUTS.length - 1)] as (typeof CUTS)[number]
  const sent = cutPayload(letter, payloadBytes)
  const headers = originalHeaders ? unshownHeaders(sent.headers) : {}
  const own: Record<string, string | number | undefined> = {
    [HEADER.tenant]: sent.tenant,
    [HEADER.project]: sent.project,
    [HEADER.device]: sent.device,
    [HEADER.mqttTopic]: sent.mqttTopic,
    [HEADER.messageId]: sent.messageId,
    [HEADER.receivedAt]: sent.receivedAt,
    'dead-letter-id': sent.id,
    'dead-letter-reason': sent.reason,
    'dead-letter-code': sent.code,
    'dead-letter-node-id': sent.nodeId,
    'dead-letter-node-type': sent.nodeType,
    'dead-letter-node-name': sent.nodeName,
    'dead-letter-attempts': sent.attempts,
    'dead-letter-kafka-cluster': sent.kafkaCluster,
    'dead-letter-kafka-topic': sent.kafkaTopic,
    'dead-letter-kafka-partition': sent.kafkaPartition,
    'dead-letter-kafka-offset': sent.kafkaOffset,
    'dead-letter-payload-encoding': sent.payloadEncoding,
  }
  if (isCut(sent)) {
    own['dead-letter-payload-length'] = sent.payloadLength
    own['dead-letter-payload-sha256'] = sent.payloadSha256
  }
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined) headers[name] = shortened(unshownText(String(value)))
  }
  return { key: keyOf(sent), value: sent.payload, headers, timestamp: sent.failedAt }
}

function shortened(text: HeaderText): HeaderText {
  return typeof text === 'string' ? text.slice(0, LONGEST_TEXT) : text.subarray(0, LONGEST_TEXT)
}

/** The record's own key, so that the dead letters of a device stay in order; a key as large as a payload is cut. */
function keyOf({ kafkaKey, tenant }: DeadLetter): Buffer | string | null {
  return kafkaKey?.subarray(0, LONGEST_TEXT) ?? (tenant === undefined ? null : unshownText(tenant))
}
