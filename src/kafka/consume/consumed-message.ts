/** What a consumer sends into the flow: a batch, or a part of one, as a message. */
import type { KafkaFields, KafkaRange, Message, OffsetGap, WireRecord } from '../../wire/message'
import { wireRecordOf } from './consumed-record'
import type { ConsumedRecord, TopicPartition } from '../driver'
import type { TopicNames } from '../topics/topic-names'

/** Records of one partition, and the range of offsets that is done when they are. */
export interface ConsumedPart {
  readonly records: readonly ConsumedRecord[]
  readonly firstOffset: number
  readonly nextOffset: number
}

export interface MessageOrigin {
  readonly clusterId: string
  readonly group: string
  readonly partition: TopicPartition
  /** See `KafkaRange`. */
  readonly assignment: number | undefined
  /** See `KafkaRange`. */
  readonly gaps: readonly OffsetGap[]
  /** Names tenant and project of records that do not say them. */
  readonly topicNames: TopicNames | undefined
}

/** What `msg.kafka` of a batch has. */
export const RANGE_FIELDS: readonly string[] = Object.keys({
  clusterId: true,
  group: true,
  topic: true,
  partition: true,
  firstOffset: true,
  nextOffset: true,
  assignment: true,
  gaps: true,
} satisfies Record<keyof KafkaRange, true>)

/** All records in one message, with the range that a sink's ledger needs. */
export function batchMessage(
  { records, firstOffset, nextOffset }: ConsumedPart,
  origin: MessageOrigin,
): Message {
  const { clusterId, group, partition: from, assignment, gaps } = origin
  const { topic, partition } = from
  const range: KafkaRange = { clusterId, group, topic, partition, firstOffset, nextOffset, assignment }
  const kafka = gaps.length === 0 ? range : { ...range, gaps }
  return { batch: true, payload: records.map((record) => wireRecord(record, origin)), kafka }
}

/** A message of its own for the one record of the part. */
export function recordMessage({ records, nextOffset }: ConsumedPart, origin: MessageOrigin): Message {
  const { clusterId, group } = origin
  const record = wireRecord(records[0] as ConsumedRecord, origin)
  Object.assign(record.kafka as KafkaFields, { clusterId, group, nextOffset })
  return record as Message
}

/** The two halves of a part, with the ranges that belong to them; nothing when it is a single record. */
export function halves<P extends ConsumedPart>(part: P): P[] {
  const { records } = part
  if (records.length < 2) return []
  const middle = records.length >> 1
  const border = (records[middle] as ConsumedRecord).offset
  return [
    { ...part, records: records.slice(0, middle), nextOffset: border },
    { ...part, records: records.slice(middle), firstOffset: border },
  ]
}

/** The part without records that sinks have, by their place in it. Its range stays: all of it is done when the rest is. */
export function withoutStored<P extends ConsumedPart>(part: P, stored: ReadonlySet<number>): P {
  return { ...part, records: part.records.filter((_record, place) => !stored.has(place)) }
}

function wireRecord(consumed: ConsumedRecord, { partition, topicNames }: MessageOrigin): WireRecord {
  const record = wireRecordOf(consumed, partition)
  topicNames?.name(record, partition.topic)
  return record
}
