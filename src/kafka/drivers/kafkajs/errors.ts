/**
 * What kafkajs throws, as a `PipelineError`: a stable code, a sentence that says how to mend it, and whether the
 * same batch may be sent again. kafkajs wraps errors in errors; the innermost one tells what happened.
 *
 * `retryable: false` only where the record itself can never be stored. A wrong password or a missing permission
 * is retryable: somebody mends it, and then the record goes through.
 */
import { describeError, PipelineError } from '../../../wire/errors'
import { partitionKey } from '../../group/commit-queue'
import type { TopicPartition } from '../../driver'
import { tlsWords } from '../../tls-errors'

/** What the innermost error may carry. */
interface KafkaFault {
  readonly name: string
  readonly message: string
  /** Kafka's name of a protocol error, such as `MESSAGE_TOO_LARGE`. */
  readonly type?: string
  /** Of a connection error: Node.js' code. */
  readonly code?: string | number
}

interface Verdict {
  readonly code: string
  readonly retryable: boolean
  readonly status: string
  readonly advice: string
  /** In the place of kafkajs' own text. */
  readonly reason?: string
}

const retry = (code: string, status: string, advice: string): Verdict => ({
  code,
  retryable: true,
  status,
  advice,
})
const giveUp = (code: string, status: string, advice: string): Verdict => ({
  code,
  retryable: false,
  status,
  advice,
})

const UNREACHABLE = retry('KAFKA_UNREACHABLE', 'not reachable', 'check the address, and that the broker runs')
const CLOSED = retry(
  'KAFKA_UNREACHABLE',
  'connection closed',
  'the broker has closed the connection: it is stopping, or it wants a login (SASL) that is not configured',
)
const NO_ANSWER = retry('KAFKA_NO_ANSWER', 'no answer', 'the broker accepted the connection and is silent')
const TIMED_OUT = retry(
  'KAFKA_TIMED_OUT',
  'timed out',
  'the broker answers, and waited in vain for others: those with the copies of the partition, or the controller',
)
const NO_LEADER = retry('KAFKA_NO_LEADER', 'partition has no leader', 'a broker is down or starting')
const STARTING = retry('KAFKA_STARTING', 'is starting', 'the broker is still loading')
const REPLICAS = retry(
  'KAFKA_NOT_ENOUGH_REPLICAS',
  'too few replicas in sync',
  'fewer replicas are in sync than min.insync.replicas asks for; start the missing brokers',
)
const FORBIDDEN = retry('KAFKA_FORBIDDEN', 'not allowed', 'give this user the permission (Kafka ACL)')
const PASSWORD = retry('KAFKA_AUTHENTICATION', 'wrong password', 'check user name and password')
const MECHANISM = retry(
  'KAFKA_AUTHENTICATION',
  'login method not offered',
  'choose a SASL mechanism that this port of the broker offers',
)
const NO_LOGIN = retry(
  'KAFKA_AUTHENTICATION',
  'login not expected',
  'switch the login (SASL) off, or use the port of the broker that takes one',
)
const PRODUCER_LOST = retry(
  'KAFKA_PRODUCER_LOST',
  'producer starts anew',
  'the broker has lost the state of this producer; a new one takes its place',
)
const UNKNOWN_TOPIC = retry(
  'KAFKA_UNKNOWN_TOPIC',
  'no such topic',
  'create the topic, or let the node create it',
)
const INVALID_TOPIC = giveUp(
  'KAFKA_INVALID_TOPIC',
  'invalid topic name',
  'a topic name has 1 to 249 letters, digits, dots, dashes and underscores',
)
const TOO_LARGE = giveUp(
  'KAFKA_RECORD_TOO_LARGE',
  'record too large',
  "raise the topic's max.message.bytes, or send less",
)
const INVALID_RECORD = giveUp(
  'KAFKA_INVALID_RECORD',
  'record refused',
  'the broker does not take this record',
)
const INVALID_TIME = giveUp(
  'KAFKA_INVALID_TIME',
  'time refused',
  "the time of this record is further from the broker's clock than the topic's message.timestamp.before.max.ms or " +
    'message.timestamp.after.max.ms (an hour) allows',
)
const NOT_CREATED = retry(
  'KAFKA_TOPIC_NOT_CREATED',
  'topic not created',
  'check partitions, replicas and policies',
)
const CODEC = retry(
  'KAFKA_COMPRESSION',
  'compression refused',
  'choose another compression, such as "none", and deploy',
)
const OTHER = retry('KAFKA_FAILED', 'failed', 'see the log of the broker')

const BY_TYPE: Readonly<Record<string, Verdict>> = {
  UNKNOWN_TOPIC_OR_PARTITION: UNKNOWN_TOPIC,
  INVALID_TOPIC_EXCEPTION: INVALID_TOPIC,
  MESSAGE_TOO_LARGE: TOO_LARGE,
  RECORD_LIST_TOO_LARGE: TOO_LARGE,
  INVALID_RECORD: INVALID_RECORD,
  INVALID_TIMESTAMP: INVALID_TIME,
  NOT_ENOUGH_REPLICAS: REPLICAS,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: REPLICAS,
  LEADER_NOT_AVAILABLE: NO_LEADER,
  NOT_LEADER_FOR_PARTITION: NO_LEADER,
  FENCED_LEADER_EPOCH: NO_LEADER,
  UNKNOWN_LEADER_EPOCH: NO_LEADER,
  REPLICA_NOT_AVAILABLE: NO_LEADER,
  GROUP_LOAD_IN_PROGRESS: STARTING,
  GROUP_COORDINATOR_NOT_AVAILABLE: STARTING,
  NOT_COORDINATOR_FOR_GROUP: STARTING,
  NOT_CONTROLLER: STARTING,
  BROKER_NOT_AVAILABLE: UNREACHABLE,
  REQUEST_TIMED_OUT: TIMED_OUT,
  TOPIC_AUTHORIZATION_FAILED: FORBIDDEN,
  GROUP_AUTHORIZATION_FAILED: FORBIDDEN,
  CLUSTER_AUTHORIZATION_FAILED: FORBIDDEN,
  SASL_AUTHENTICATION_FAILED: PASSWORD,
  ILLEGAL_SASL_STATE: NO_LOGIN,
  UNSUPPORTED_SASL_MECHANISM: MECHANISM,
  OUT_OF_ORDER_SEQUENCE_NUMBER: PRODUCER_LOST,
  DUPLICATE_SEQUENCE_NUMBER: PRODUCER_LOST,
  UNKNOWN_PRODUCER_ID: PRODUCER_LOST,
  INVALID_PRODUCER_EPOCH: PRODUCER_LOST,
  INVALID_PRODUCER_ID_MAPPING: PRODUCER_LOST,
  INVALID_REPLICATION_FACTOR: NOT_CREATED,
  INVALID_REPLICA_ASSIGNMENT: NOT_CREATED,
  INVALID_PARTITIONS: NOT_CREATED,
  INVALID_CONFIG: NOT_CREATED,
  POLICY_VIOLATION: NOT_CREATED,
  UNSUPPORTED_COMPRESSION_TYPE: CODEC,
  // What Azure Event Hubs says of a batch that is compressed otherwise than by gzip.
  UNSUPPORTED_FOR_MESSAGE_FORMAT: CODEC,
}

const BY_NAME: Readonly<Record<string, Verdict>> = {
  KafkaJSSASLAuthenticationError: PASSWORD,
  KafkaJSRequestTimeoutError: NO_ANSWER,
  KafkaJSLockTimeout: NO_ANSWER,
  KafkaJSTimeout: NO_ANSWER,
  KafkaJSConnectionError: UNREACHABLE,
  KafkaJSConnectionClosedError: CLOSED,
  KafkaJSNoBrokerAvailableError: UNREACHABLE,
  KafkaJSBrokerNotFound: UNREACHABLE,
  KafkaJSMetadataNotLoaded: UNREACHABLE,
  KafkaJSTopicMetadataNotLoaded: UNREACHABLE,
  KafkaJSNotImplemented: CODEC,
}

/** kafkajs uses a connection that is only just being made. */
const NOT_CONNECTED = /^Broker not connected$/

/**
 * @param thrown what kafkajs threw, also a `PipelineError`, which is returned as it is
 * @param doing  what was being done, as the beginning of a sentence: `writing to iot-messages, partition 3`
 */
export function translateKafkaError(thrown: unknown, doing: string): PipelineError {
  const fault = innermost(thrown)
  if (fault instanceof PipelineError) return fault
  const { code, retryable, status, advice, reason = reasonOf(fault) } = verdictOf(fault)
  return new PipelineError(code, `${doing}: ${reason}: ${advice}`, {
    retryable,
    statusText: `Kafka: ${status}`,
    cause: thrown,
  })
}

/** The error of partitions that nobody leads, or whose leader does not answer. */
export function noLeader(partitions: readonly TopicPartition[]): PipelineError {
  const [first] = partitions
  const { code, advice } = NO_LEADER
  return new PipelineError(code, `No leader answers for ${listOf(partitions)}: ${advice}`, {
    retryable: true,
    statusText: `Kafka: no leader for ${first === undefined ? 'a partition' : partitionKey(first)}`,
  })
}

const MAX_NAMED = 10

/** `a partition 1, b partition 2, and 7 more` */
export function listOf(partitions: readonly TopicPartition[]): string {
  const names = partitions
    .slice(0, MAX_NAMED)
    .map(({ topic, partition }) => `${topic} partition ${partition}`)
  const more = partitions.length - names.length
  return names.join(', ') + (more > 0 ? `, and ${more} more` : '')
}

/** On one line, without what would stand twice before our colon. */
function reasonOf({ message, type }: KafkaFault): string {
  const text = message.replaceAll(/\s+/g, ' ').replace(/[ .:]+$/, '')
  return type === undefined ? text : `${text} (${type})`
}

/** Whether kafkajs refused to use a connection that it takes for ready. */
export function isHalfConnected(thrown: unknown): boolean {
  return NOT_CONNECTED.test(innermost(thrown).message)
}

/** The `host:port` of the broker that let a request go unanswered. */
export function silentBroker(thrown: unknown): string | undefined {
  const { broker } = innermost(thrown) as { readonly broker?: unknown }
  return typeof broker === 'string' ? broker : undefined
}

function verdictOf(fault: KafkaFault): Verdict {
  if (fault.type !== undefined && BY_TYPE[fault.type] !== undefined) return BY_TYPE[fault.type] as Verdict
  const tls = tlsWords(fault.code, fault.message)
  if (tls !== undefined) return { code: 'KAFKA_TLS', retryable: true, ...tls }
  if (NOT_CONNECTED.test(fault.message)) return UNREACHABLE
  return BY_NAME[fault.name] ?? OTHER
}

/** Follows `cause` and the errors of an aggregate to the one that says what happened. */
function innermost(thrown: unknown): KafkaFault | PipelineError {
  let fault: unknown = thrown
  for (let depth = 0; depth < 10; depth++) {
    const { cause, errors } = (fault ?? {}) as { cause?: unknown; errors?: unknown[] }
    const inner = errors?.[0] ?? cause
    if (inner === undefined || inner === null || inner === fault || fault instanceof PipelineError) break
    fault = inner
  }
  if (fault instanceof PipelineError) return fault
  if (fault instanceof Error) return fault
  return { name: 'Error', message: describeError(fault) }
}
