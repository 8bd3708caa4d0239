/**
 * What Kafka's errors mean for the user: a stable code, a sentence that says how to fix it, and whether the same batch
 * may be sent again. Whatever client is used, it looks the verdict up by the name that Kafka's protocol gives the error.
 *
 * `retryable: false` only where the record itself can never be stored. A wrong password or a missing permission is
 * retryable: once the operator has fixed it, the record goes through.
 */
import { PipelineError } from '../wire/errors'
import type { TopicPartition } from './driver'
import { listOf, partitionKey } from './topic-partition'
import { asPhrase, phrase, type PlainKey } from '../status/phrase'

/** An error that a broker has answered. */
export interface ProtocolFault {
  /** Kafka's name of it, such as `MESSAGE_TOO_LARGE`. */
  readonly type?: string
  readonly message: string
}

export interface Verdict {
  readonly code: string
  readonly retryable: boolean
  readonly status: PlainKey
  readonly advice: string
  /** Replaces the client's own text. */
  readonly reason?: string
}

const retry = (code: string, status: PlainKey, advice: string): Verdict => ({
  code,
  retryable: true,
  status,
  advice,
})
const giveUp = (code: string, status: PlainKey, advice: string): Verdict => ({
  code,
  retryable: false,
  status,
  advice,
})

export const UNREACHABLE = retry(
  'KAFKA_UNREACHABLE',
  'notReachable',
  'check the address, and that the broker runs',
)
export const CLOSED = retry(
  'KAFKA_UNREACHABLE',
  'kafkaConnectionClosed',
  'the broker has closed the connection: it is stopping, or it wants a login (SASL) that is not configured',
)
export const NO_ANSWER = retry(
  'KAFKA_NO_ANSWER',
  'noAnswer',
  'the broker accepted the connection and is silent',
)
const TIMED_OUT = retry(
  'KAFKA_TIMED_OUT',
  'kafkaTimedOut',
  'the broker answers, and waited in vain for others: those with the copies of the partition, or the controller',
)
const NO_LEADER = retry('KAFKA_NO_LEADER', 'kafkaNoLeader', 'a broker is down or starting')
const STARTING = retry('KAFKA_STARTING', 'kafkaStarting', 'the broker is still loading')
const REPLICAS = retry(
  'KAFKA_NOT_ENOUGH_REPLICAS',
  'kafkaTooFewReplicas',
  'fewer replicas are in sync than min.insync.replicas asks for; start the missing brokers',
)
const FORBIDDEN = retry('KAFKA_FORBIDDEN', 'kafkaForbidden', 'give this user the permission (Kafka ACL)')
export const PASSWORD = retry('KAFKA_AUTHENTICATION', 'wrongPassword', 'check user name and password')
const MECHANISM = retry(
  'KAFKA_AUTHENTICATION',
  'kafkaLoginMethod',
  'choose a SASL mechanism that this port of the broker offers',
)
const NO_LOGIN = retry(
  'KAFKA_AUTHENTICATION',
  'kafkaLoginNotExpected',
  'switch the login (SASL) off, or use the port of the broker that takes one',
)
const PRODUCER_LOST = retry(
  'KAFKA_PRODUCER_LOST',
  'kafkaProducerRestarts',
  'the broker has lost the state of this producer; a new one takes its place',
)
const UNKNOWN_TOPIC = retry(
  'KAFKA_UNKNOWN_TOPIC',
  'kafkaNoSuchTopic',
  'create the topic, or let the node create it',
)
const INVALID_TOPIC = giveUp(
  'KAFKA_INVALID_TOPIC',
  'invalidTopicName',
  'a topic name has 1 to 249 letters, digits, dots, dashes and underscores',
)
const TOO_LARGE = giveUp(
  'KAFKA_RECORD_TOO_LARGE',
  'kafkaRecordTooLarge',
  "raise the topic's max.message.bytes, or send less",
)
const INVALID_RECORD = giveUp(
  'KAFKA_INVALID_RECORD',
  'kafkaRecordRefused',
  'the broker does not take this record',
)
const INVALID_TIME = giveUp(
  'KAFKA_INVALID_TIME',
  'kafkaTimeRefused',
  "the time of this record is further from the broker's clock than the topic's message.timestamp.before.max.ms or " +
    'message.timestamp.after.max.ms (an hour) allows',
)
const NOT_CREATED = retry(
  'KAFKA_TOPIC_NOT_CREATED',
  'kafkaTopicNotCreated',
  'check partitions, replicas and policies',
)
export const CODEC = retry(
  'KAFKA_COMPRESSION',
  'kafkaCompressionRefused',
  'choose another compression, such as "none", and deploy',
)
export const OTHER = retry('KAFKA_FAILED', 'kafkaFailed', 'see the log of the broker')

const BY_PROTOCOL_ERROR: Readonly<Record<string, Verdict>> = {
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

/** @returns `undefined` for an error that the table does not know */
export function verdictOn(type: string | undefined): Verdict | undefined {
  return type === undefined ? undefined : BY_PROTOCOL_ERROR[type]
}

/**
 * @param doing what was being done, as the beginning of a sentence: `writing to iot-messages, partition 3`
 * @param cause what the client threw
 */
export function kafkaError(
  { code, retryable, status, advice, reason }: Verdict,
  fault: ProtocolFault,
  doing: string,
  cause: unknown = fault,
): PipelineError {
  return new PipelineError(code, `${doing}: ${reason ?? reasonOf(fault)}: ${advice}`, {
    retryable,
    status: phrase('kafka', { problem: asPhrase(status) }),
    cause,
  })
}

/** The error of a request that Kafka has refused. */
export function refusal(fault: ProtocolFault, doing: string): PipelineError {
  return kafkaError(verdictOn(fault.type) ?? OTHER, fault, doing)
}

/** The error of partitions that have no leader, or whose leader does not answer. */
export function noLeader(partitions: readonly TopicPartition[]): PipelineError {
  const [first] = partitions
  const { code, status, advice } = NO_LEADER
  return new PipelineError(code, `No leader answers for ${listOf(partitions)}: ${advice}`, {
    retryable: true,
    status: phrase('kafka', {
      problem:
        first === undefined
          ? asPhrase(status)
          : phrase('kafkaNoLeaderOf', { partition: partitionKey(first) }),
    }),
  })
}

/** @param what is closed, as a sentence */
export function kafkaClosed(what: string): PipelineError {
  return new PipelineError('KAFKA_CLOSED', what, {
    retryable: true,
    closing: true,
    status: phrase('kafka', { problem: phrase('closed') }),
  })
}

/** On one line, without the punctuation that would stand before our colon. */
function reasonOf({ message, type }: ProtocolFault): string {
  const text = message.replaceAll(/\s+/g, ' ').replace(/[ .:]+$/, '')
  return type === undefined ? text : `${text} (${type})`
}
