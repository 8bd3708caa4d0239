/**
 * What kafkajs throws, as a `PipelineError`. kafkajs wraps errors in errors; the innermost one tells what happened. What
 * Kafka itself has answered is judged in `error-verdicts.ts`, what only kafkajs says is judged here.
 */
import { describeError, PipelineError } from '../../../wire/errors'
import {
  CLOSED,
  CODEC,
  kafkaError,
  NO_ANSWER,
  OTHER,
  PASSWORD,
  UNREACHABLE,
  verdictOn,
  type ProtocolFault,
  type Verdict,
} from '../../error-verdicts'
import { tlsWords } from '../../tls-errors'

/** What the innermost error may carry. */
interface KafkaJsFault extends ProtocolFault {
  readonly name: string
  /** Of a connection error: Node.js' code. */
  readonly code?: string | number
}

interface ClientFault {
  readonly verdict: Verdict
  /** The connection is at fault, and no partition of the request. */
  readonly ofConnection: boolean
}

const ofConnection = (verdict: Verdict): ClientFault => ({ verdict, ofConnection: true })
const ofRequest = (verdict: Verdict): ClientFault => ({ verdict, ofConnection: false })

const BY_NAME: Readonly<Record<string, ClientFault>> = {
  KafkaJSSASLAuthenticationError: ofConnection(PASSWORD),
  KafkaJSRequestTimeoutError: ofConnection(NO_ANSWER),
  KafkaJSLockTimeout: ofConnection(NO_ANSWER),
  KafkaJSConnectionError: ofConnection(UNREACHABLE),
  KafkaJSConnectionClosedError: ofConnection(CLOSED),
  KafkaJSNoBrokerAvailableError: ofConnection(UNREACHABLE),
  KafkaJSBrokerNotFound: ofConnection(UNREACHABLE),
  KafkaJSTimeout: ofRequest(NO_ANSWER),
  KafkaJSMetadataNotLoaded: ofRequest(UNREACHABLE),
  KafkaJSTopicMetadataNotLoaded: ofRequest(UNREACHABLE),
  KafkaJSNotImplemented: ofRequest(CODEC),
}

/** kafkajs uses a connection that is only just being made. */
const NOT_CONNECTED = /^Broker not connected$/

/**
 * @param thrown what kafkajs threw, also a `PipelineError`, which is returned as it is
 * @param doing  what was being done, as the beginning of a sentence: `writing to iot-messages, partition 3`
 */
export function translateKafkaError(thrown: unknown, doing: string): PipelineError {
  const fault = innermost(thrown)
  return fault instanceof PipelineError ? fault : kafkaError(verdictOf(fault), fault, doing, thrown)
}

/** Whether a request has failed as a whole: the connection is at fault, and no partition of the request. */
export function isOfConnection(thrown: unknown): boolean {
  const { name, message } = innermost(thrown)
  return BY_NAME[name]?.ofConnection === true || NOT_CONNECTED.test(message)
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

function verdictOf(fault: KafkaJsFault): Verdict {
  const answered = verdictOn(fault.type)
  if (answered !== undefined) return answered
  const tls = tlsWords(fault.code, fault.message)
  if (tls !== undefined) return { code: 'KAFKA_TLS', retryable: true, ...tls }
  if (NOT_CONNECTED.test(fault.message)) return UNREACHABLE
  return BY_NAME[fault.name]?.verdict ?? OTHER
}

/** Follows `cause` and the errors of an aggregate to the one that says what happened. */
function innermost(thrown: unknown): KafkaJsFault | PipelineError {
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
