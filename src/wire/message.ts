/**
 * The messages between our nodes. Users draw on these wires, so these shapes are public: the help of every node
 * describes them, and a field never changes its meaning.
 *
 * One message is one record, or, with `msg.batch`, `msg.payload` is an array of records that have the same
 * fields. One delivery then stands for the whole batch.
 */

/** Any Node-RED message. */
export interface Message {
  _msgid?: string
  payload?: unknown
  topic?: unknown
  error?: unknown
  [property: string | symbol]: unknown
}

/** Text; bytes only where the header of a Kafka record is not UTF-8, so that nothing of it is replaced in silence. */
export type HeaderText = string | Buffer

/** MQTT 5 user properties: one name may have several values. */
export type UserProperties = Readonly<Record<string, HeaderText | readonly HeaderText[]>>

/** What the MQTT source sets. */
export interface MqttFields {
  /** The MQTT topic the device published to. */
  topic?: HeaderText
  /** The device's bytes, untouched. */
  payload?: unknown
  qos?: 0 | 1 | 2
  retain?: boolean
  userProperties?: UserProperties
  contentType?: HeaderText
  /** Milliseconds since 1970, our clock, when the PUBLISH arrived. */
  receivedAt?: number
  /** Set once by the source, before the first attempt; the same in every repetition. */
  messageId?: HeaderText
}

/** What `tenant-topic` sets. */
export interface TenantFields {
  tenant?: HeaderText
  project?: HeaderText
  device?: HeaderText
  /** All named levels of the pattern, in its order, `tenant`, `project` and `device` among them. */
  levels?: Readonly<Record<string, HeaderText>>
}

/** `record.kafka`: where a record goes, or where it came from. */
export interface KafkaFields {
  topic?: string
  key?: string | Buffer | null
  partition?: number
  /** Milliseconds since 1970. */
  timestamp?: number
  headers?: Record<string, HeaderText | readonly HeaderText[]>
  /** From here on only on records that the consumer has read. */
  offset?: number
  /** Emitted alone: the whole position. In a batch, `msg.kafka` has it. */
  clusterId?: string
  group?: string
  nextOffset?: number
}

/** `record.deadLetter`: set by `tenant-dead-letter-source` on what it sends into the flow again. */
export interface DeadLetterFields {
  /** Of the dead letter in its table: a UUID. */
  readonly id: string
  /** Id of the node that has sent it. */
  readonly source: string
  /** How often the record has become a dead letter so far. */
  readonly attempts: number
}

/** One record on a wire: the message itself, or an element of a batch. */
export interface WireRecord extends MqttFields, TenantFields {
  kafka?: KafkaFields
  deadLetter?: DeadLetterFields
  [property: string]: unknown
}

/** Offsets of which Kafka no longer had a record when they were read. */
export interface OffsetGap {
  readonly from: number
  /** The offset after its last. */
  readonly to: number
}

/**
 * `msg.kafka` of a batch, and the position part of a single record's `kafka`, as `tenant-kafka-consumer` sets it.
 * The range is what the ledger moves over, also when the flow has removed records from the batch.
 */
export interface KafkaRange {
  readonly clusterId: string
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  /** The offset after the last record of the range. */
  readonly nextOffset: number
  /** Which time the consumer was given the partition when it read the range: a number that only this process knows. */
  readonly assignment?: number | undefined
  /** Within the range, or beside it when a part of it is sent again. Left out when there are none. */
  readonly gaps?: readonly OffsetGap[] | undefined
}

/** Marks a message whose payload is an array of records. */
export function isBatch(message: Message): message is Message & { payload: WireRecord[] } {
  return Boolean(message.batch) && Array.isArray(message.payload)
}

/** The records of a message: those of its batch, or the message itself. */
export function recordsOf(message: Message): WireRecord[] {
  return isBatch(message) ? message.payload : [message as WireRecord]
}

/** Whether an element of a batch is a record; bytes and lists are objects as well, and would pass for empty ones. */
export function isRecord(element: unknown): element is WireRecord {
  if (typeof element !== 'object' || element === null) return false
  return !ArrayBuffer.isView(element) && !Array.isArray(element)
}

/**
 * A copy to which nodes will add properties. Node.js 20 needs eight microseconds for them on an object that `{ ...record }`
 * has made, and a hundredth of that on this one.
 */
export function copyOf<T extends object>(record: T): T {
  return Object.assign({} as T, record)
}

export function cameFromKafka(record: WireRecord): boolean {
  return isOffset(record.kafka?.offset)
}

export function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** The error part of a message, in the shape that Catch nodes use; reject outputs use it as well. */
export interface MessageError {
  message: string
  code?: string
  source: { id: string; type: string; name?: string }
  /** From `tenant-validate`: all that does not fit. */
  reasons?: readonly object[]
}
