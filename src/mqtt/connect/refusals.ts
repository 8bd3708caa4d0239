/**
 * What went wrong with a broker, and how to fix it: reason codes of CONNACK, SUBACK and
 * DISCONNECT (MQTT 5 §2.4, MQTT 3.1.1 §3.2.2.3), errors of the network and of TLS.
 */
import { describeError, PipelineError } from '../../wire/errors'
import { asPhrase, phrase, type PlainKey } from '../../status/phrase'

export interface Refusal {
  /** The error code of this package. */
  readonly code: string
  readonly status: PlainKey
  readonly sentence: string
}

const REFUSALS: Readonly<Record<number, Refusal>> = {
  1: refusal('MQTT_VERSION', 'mqttVersionRefused', 'it does not speak this version of MQTT'),
  2: refusal('MQTT_CLIENT_ID', 'mqttClientIdRefused', 'it refuses the client ID'),
  3: refusal('MQTT_UNAVAILABLE', 'mqttUnavailable', 'it says that it is unavailable'),
  4: refusal('MQTT_CREDENTIALS', 'mqttCredentials', 'wrong user name or password'),
  5: refusal(
    'MQTT_NOT_AUTHORIZED',
    'mqttNotAuthorized',
    'not authorised: check the user name, the password and its rights',
  ),
  128: refusal('MQTT_REFUSED', 'mqttRefused', 'it gives no reason'),
  129: refusal('MQTT_VERSION', 'mqttPacketRefused', 'it finds our packet malformed'),
  130: refusal('MQTT_PROTOCOL', 'mqttProtocolError', 'it reports a protocol error'),
  132: refusal('MQTT_VERSION', 'mqttVersionRefused', 'it does not speak this version of MQTT'),
  133: refusal('MQTT_CLIENT_ID', 'mqttClientIdRefused', 'it refuses the client ID'),
  134: refusal('MQTT_CREDENTIALS', 'mqttCredentials', 'wrong user name or password'),
  135: refusal(
    'MQTT_NOT_AUTHORIZED',
    'mqttNotAuthorized',
    'not authorised: check the user name, the password and its rights',
  ),
  136: refusal('MQTT_UNAVAILABLE', 'mqttUnavailable', 'it says that it is unavailable'),
  137: refusal('MQTT_UNAVAILABLE', 'mqttBusy', 'it says that it is busy'),
  138: refusal('MQTT_BANNED', 'mqttBanned', 'it has banned this client'),
  139: refusal('MQTT_UNAVAILABLE', 'mqttShuttingDown', 'it is shutting down'),
  140: refusal('MQTT_CREDENTIALS', 'mqttAuthenticationMethod', 'it wants another way of authentication'),
  141: refusal(
    'MQTT_KEEP_ALIVE',
    'mqttKeepAlive',
    'it has not heard of us for longer than the keep-alive time',
  ),
  142: refusal('MQTT_TAKEN_OVER', 'mqttTakenOver', 'another client has connected with the same client ID'),
  143: refusal('MQTT_FILTER', 'mqttFilterRefused', 'it refuses the topic filter'),
  147: refusal('MQTT_WINDOW', 'mqttWindowExceeded', 'it finds its receive maximum exceeded'),
  149: refusal('MQTT_TOO_LARGE', 'mqttPacketTooLarge', 'it finds a packet too large'),
  151: refusal('MQTT_QUOTA', 'mqttQuota', 'a quota is used up'),
  152: refusal('MQTT_REFUSED', 'mqttClosedByAdministrator', 'its administrator has closed the connection'),
  156: refusal('MQTT_MOVED', 'mqttMoved', 'it tells us to use another server'),
  157: refusal('MQTT_MOVED', 'mqttMoved', 'it has moved to another server'),
  158: refusal('MQTT_SHARED', 'mqttNoShared', 'it has no shared subscriptions'),
  159: refusal('MQTT_QUOTA', 'mqttTooManyConnections', 'it gets too many connections a second'),
  160: refusal('MQTT_REFUSED', 'mqttConnectionOver', 'the longest time of a connection is over'),
  162: refusal('MQTT_FILTER', 'mqttNoWildcards', 'it allows no wildcards in topic filters'),
}

const UNKNOWN = refusal('MQTT_REFUSED', 'mqttRefused', 'it gives a reason that we do not know')

const NETWORK: Readonly<Record<string, (host: string) => Refusal>> = {
  ECONNREFUSED: (host) => refusal('MQTT_UNREACHABLE', 'notReachable', `nothing listens at ${host}`),
  ENOTFOUND: (host) => refusal('MQTT_UNREACHABLE', 'hostNotFound', `the name of ${host} is unknown`),
  EAI_AGAIN: (host) =>
    refusal('MQTT_UNREACHABLE', 'hostNotFound', `the name of ${host} cannot be looked up now`),
  ETIMEDOUT: (host) => refusal('MQTT_UNREACHABLE', 'noAnswer', `${host} does not answer`),
  EHOSTUNREACH: (host) => refusal('MQTT_UNREACHABLE', 'notReachable', `there is no way to ${host}`),
  ENETUNREACH: (host) => refusal('MQTT_UNREACHABLE', 'notReachable', `there is no way to ${host}`),
  ECONNRESET: (host) => refusal('MQTT_CLOSED', 'connectionLost', `${host} has cut the connection`),
  EPIPE: (host) => refusal('MQTT_CLOSED', 'connectionLost', `${host} has cut the connection`),
}

function refusal(code: string, status: PlainKey, sentence: string): Refusal {
  return { code, status, sentence }
}

/** The broker refused the connection, or ended it, with this reason code. */
export function refusedWith(reasonCode: number, host: string, cause?: unknown): PipelineError {
  const { code, status, sentence } = REFUSALS[reasonCode] ?? UNKNOWN
  return new PipelineError(code, `the MQTT broker at ${host} refused: ${sentence} (reason ${reasonCode})`, {
    retryable: true,
    status: phrase('mqtt', { problem: asPhrase(status) }),
    cause,
  })
}

/** @param opened the network stood, so that a CONNECT without an answer is the broker's silence */
export function connectionError(thrown: unknown, host: string, opened = false): PipelineError {
  if (thrown instanceof PipelineError) return thrown
  const { code, errors } = thrown as { code?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'number') return refusedWith(code, host, thrown)
  const inner = code ?? (errors?.[0] as { code?: unknown } | undefined)?.code
  const known = typeof inner === 'string' ? NETWORK[inner]?.(host) : undefined
  if (known !== undefined) return reached(known, thrown)
  const text = describeError(thrown)
  if (/certificate|CERT|self-signed|TLS|SSL|wrong version number/i.test(`${String(inner)} ${text}`)) {
    return reached(refusal('MQTT_TLS', 'mqttTls', `TLS with ${host} failed: ${text}`), thrown)
  }
  if (/connack timeout/i.test(text)) {
    return reached(
      refusal(
        opened ? 'MQTT_UNANSWERED' : 'MQTT_UNREACHABLE',
        'noAnswer',
        `${host} does not answer as an MQTT broker`,
      ),
      thrown,
    )
  }
  if (/keepalive timeout/i.test(text)) {
    return reached(refusal('MQTT_KEEP_ALIVE', 'noAnswer', `${host} has not answered a ping`), thrown)
  }
  return reached(
    refusal('MQTT_CLOSED', 'connectionFailed', `the connection to ${host} failed: ${text}`),
    thrown,
  )
}

function reached({ code, status, sentence }: Refusal, cause: unknown): PipelineError {
  return new PipelineError(code, `MQTT: ${sentence}`, {
    retryable: true,
    status: phrase('mqtt', { problem: asPhrase(status) }),
    cause,
  })
}

export function closedByBroker(host: string): PipelineError {
  return new PipelineError('MQTT_CLOSED', `MQTT: ${host} has closed the connection`, {
    retryable: true,
    status: phrase('mqtt', { problem: asPhrase('connectionLost') }),
  })
}

/** The broker refused a topic filter, or grants less than was asked. */
export function subscriptionRefused(filter: string, granted: number, host: string): PipelineError {
  const { sentence } = REFUSALS[granted] ?? UNKNOWN
  return new PipelineError(
    'MQTT_SUBSCRIPTION',
    `the MQTT broker at ${host} refused the subscription to "${filter}": ${sentence}; check the user's rights`,
    { retryable: true, status: phrase('mqtt', { problem: asPhrase('mqttSubscriptionRefused') }) },
  )
}

export function grantedLess(filter: string, asked: number, granted: number, host: string): PipelineError {
  return new PipelineError(
    'MQTT_UNSAFE',
    `the MQTT broker at ${host} grants QoS ${granted} instead of ${asked} for "${filter}": ask for QoS ${granted}, or allow unsafe settings`,
    { retryable: true, status: phrase('refused', { reason: phrase('qosGranted', { granted, asked }) }) },
  )
}
