/**
 * A dead letter: a record that can never become a row, kept with the reason. This turns whatever a reject output
 * or a Catch node hands over into one; it never throws, because what arrives here is by its nature odd.
 *
 * The id is made of the record itself where it can be (its Kafka position, or its message id) and of the attempt, so
 * that writing the same dead letter again after an interrupted COMMIT, or after a crash, does not make two of it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { attemptsWith, type Origin } from '../delivery/origin'
import { isRecord, type KafkaRange, type Message, recordsOf, type WireRecord } from '../wire/message'
import { HEADER } from '../record/header-names'
import { shownText } from '../record/header-text'
import { bytesOf, textOfAny, type PayloadEncoding } from '../record/payload-bytes'

export interface DeadLetter {
  /** A UUID. */
  readonly id: string
  /** Milliseconds since 1970: when this dead letter was made. */
  readonly failedAt: number
  readonly reason: string
  readonly code: string | undefined
  /** The node that refused the record. */
  readonly nodeId: string | undefined
  readonly nodeType: string | undefined
  readonly nodeName: string | undefined
  /** How often the record has become a dead letter: 1 for the first time. */
  readonly attempts: number
  readonly tenant: string | undefined
  readonly project: string | undefined
  readonly device: string | undefined
  readonly mqttTopic: string | undefined
  readonly messageId: string | undefined
  /** Milliseconds since 1970. */
  readonly receivedAt: number | undefined
  readonly kafkaCluster: string | undefined
  readonly kafkaTopic: string | undefined
  readonly kafkaPartition: number | undefined
  /** Undefined for a record that has not been in Kafka. */
  readonly kafkaOffset: number | undefined
  readonly kafkaKey: Buffer | null
  /** The record's headers, further levels and MQTT 5 user properties, as `shownText` writes them; so are the names above. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** The original bytes where there are any; otherwise how the payload looks as text or as JSON. */
  readonly payload: Buffer | null
  readonly payloadEncoding: PayloadEncoding
  /** Bytes of the whole payload; more than `payload` has when it was cut. */
  readonly payloadLength: number
  /** SHA-256 of the whole payload, in hexadecimal. */
  readonly payloadSha256: string
}

export interface DeadLetterClock {
  readonly now: () => number
  readonly newId: () => string
}

const systemClock: DeadLetterClock = { now: () => Date.now(), newId: randomUUID }

/** Catch nodes put the error's name before its message; the code says more. */
const ERROR_NAME = /^(PipelineError|DatabaseError|Error): /

/**
 * One dead letter for each record of the message. A record's own error comes before the message's.
 *
 * @param origin of the message's delivery: elements of a batch that are no records at all have their attempts from it
 */
export function deadLettersOf(
  message: Message,
  clock: DeadLetterClock = systemClock,
  origin?: Origin,
): DeadLetter[] {
  const range = asObject(message.kafka) as Partial<KafkaRange>
  return recordsOf(message).map((record) => letterOf(record, message.error, range, clock, origin))
}

function letterOf(
  original: unknown,
  messageError: unknown,
  range: Partial<KafkaRange>,
  clock: DeadLetterClock,
  origin: Origin | undefined,
): DeadLetter {
  // An element of a batch that is not a record at all is kept as it is.
  const record: WireRecord = isRecord(original) ? original : { payload: original }
  const error = errorOf(record.error ?? messageError)
  const { bytes, encoding } = bytesOf(record.payload)
  const payloadSha256 = createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
  const kafka = asObject(record.kafka)
  const letter = {
    failedAt: clock.now(),
    ...error,
    attempts: attemptsWith(origin, record) + 1,
    tenant: asShown(record.tenant),
    project: asShown(record.project),
    device: asShown(record.device),
    mqttTopic: asShown(record.topic),
    messageId: asShown(record.messageId),
    receivedAt: asNumber(record.receivedAt),
    kafkaCluster: asText(kafka.clusterId) ?? asText(range.clusterId),
    kafkaTopic: asText(kafka.topic) ?? asText(range.topic),
    kafkaPartition: asNumber(kafka.partition) ?? asNumber(range.partition),
    kafkaOffset: asNumber(kafka.offset),
    kafkaKey: kafka.key === undefined ? null : bytesOf(kafka.key).bytes,
    headers: headersOf(record, kafka.headers),
    payload: bytes,
    payloadEncoding: encoding,
    payloadLength: bytes?.length ?? 0,
    payloadSha256,
  }
  return { id: idOf(letter, kafka.timestamp) ?? clock.newId(), ...letter }
}

/** A copy whose payload has at most this many bytes; its length and hash stay those of the whole. */
export function cutPayload(letter: DeadLetter, maxBytes: number): DeadLetter {
  if (letter.payload === null || letter.payload.length <= maxBytes) return letter
  return { ...letter, payload: letter.payload.subarray(0, maxBytes) }
}

export function isCut(letter: DeadLetter): boolean {
  return letter.payloadLength > (letter.payload?.length ?? 0)
}

function errorOf(error: unknown): Pick<DeadLetter, 'reason' | 'code' | 'nodeId' | 'nodeType' | 'nodeName'> {
  const { message, code, source } = asObject(error)
  const { id, type, name } = asObject(source)
  return {
    reason:
      asText(message)?.replace(ERROR_NAME, '') ?? (typeof error === 'string' ? error : 'no reason was given'),
    code: asText(code),
    nodeId: asText(id),
    nodeType: asText(type),
    nodeName: asText(name),
  }
}

/**
 * Named as the Kafka producer names them, so that a record reads the same before and after Kafka. What an earlier
 * dead letter of the record said is left out, and the format of its value in Kafka: the payload has been taken out
 * of that, and must not be opened once more when it looks like one.
 */
function headersOf(record: WireRecord, given: unknown): DeadLetter['headers'] {
  // Their names are anyone's, `__proto__` among them.
  const headers = Object.create(null) as Record<string, string | string[]>
  if (record.retain === true) headers[HEADER.retained] = 'true'
  const contentType = asShown(record.contentType)
  if (contentType !== undefined) headers[HEADER.contentType] = contentType
  const add = (prefix: string, values: unknown, except: readonly string[] = []): void => {
    for (const [name, value] of Object.entries(asObject(values))) {
      if (value === undefined || value === null || except.includes(name)) continue
      if (prefix === '' && (name === HEADER.format || name.startsWith(HEADER.deadLetterPrefix))) continue
      headers[shownText(prefix + name)] = Array.isArray(value) ? value.map(shownValue) : shownValue(value)
    }
  }
  add(HEADER.levelPrefix, record.levels, ['tenant', 'project', 'device'])
  add(HEADER.userPropertyPrefix, record.userProperties)
  add('', given)
  return { ...headers }
}

type WithoutId = Omit<DeadLetter, 'id'>

/** Undefined when the record says nothing about itself that no other record says. */
function idOf(letter: WithoutId, kafkaTimestamp: unknown): string | undefined {
  const {
    kafkaCluster,
    kafkaTopic,
    kafkaPartition,
    kafkaOffset,
    messageId,
    nodeId,
    payloadSha256,
    attempts,
  } = letter
  const identity =
    kafkaOffset === undefined
      ? messageId && ['message', messageId]
      : ['position', kafkaCluster, kafkaTopic, kafkaPartition, kafkaOffset, asNumber(kafkaTimestamp)]
  if (!identity) return undefined
  // The first attempt is not part of it, so that ids stay what they were before there were replays.
  const again = attempts > 1 ? [attempts] : []
  const hash = createHash('sha256').update(JSON.stringify([...identity, nodeId, payloadSha256, ...again]))
  return asUuid(hash.digest())
}

/** RFC 9562 §5.8: version 8 is for values that an application makes itself. */
function asUuid(hash: Buffer): string {
  const bytes = Buffer.from(hash.subarray(0, 16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return value === undefined || value === null ? undefined : textOfAny(value)
}

/** As `asText`; bytes that are not UTF-8 can be read back. */
function asShown(value: unknown): string | undefined {
  return asText(typeof value === 'string' || value instanceof Uint8Array ? shownText(value) : value)
}

function shownValue(value: unknown): string {
  return asShown(value) ?? ''
}

/** A whole number that a bigint column and a header can hold; offsets may also come as text. */
function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(Math.trunc(number))
    ? Math.trunc(number)
    : undefined
}
