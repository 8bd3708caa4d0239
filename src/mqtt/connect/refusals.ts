/**
 * What went wrong with a broker, and how to fix it: reason codes of CONNACK, SUBACK and
 * DISCONNECT (MQTT 5 §2.4, MQTT 3.1.1 §3.2.2.3), errors of the network and of TLS.
 */
import { describeError, PipelineError } from '../../wire/errors'

export interface Refusal {
  /** The error code of this package. */
  readonly code: string
  readonly status: string
  readonly sentence: string
}

const REFUSALS: Readonly<Record<number, Refusal>> = {
  1: refusal('MQTT_VERSION', 'protocol version refused', 'it does not speak this version of MQTT'),
  2: refusal('MQTT_CLIENT_ID', 'client ID refused', 'it refuses the client ID'),
  3: refusal('MQTT_UNAVAILABLE', 'broker unavailable', 'it says that it is unavailable'),
  4: refusal('MQTT_CREDENTIALS', 'wrong user or password', 'wrong user name or password'),
  5: refusal(
    'MQTT_NOT_AUTHORIZED',
    'not authorised',
    'not authorised: check the user name, the password and its rights',
  ),
  128: refusal('MQTT_REFUSED', 'refused by the broker', 'it gives no reason'),
  129: refusal('MQTT_VERSION', 'packet refused', 'it finds our packet malformed'),
  130: refusal('MQTT_PROTOCOL', 'protocol error', 'it reports a protocol error'),
  132: refusal('MQTT_VERSION', 'protocol version refused', 'it does not speak this version of MQTT'),
  133: refusal('MQTT_CLIENT_ID', 'client ID refused', 'it refuses the client ID'),
  134: refusal('MQTT_CREDENTIALS', 'wrong user or password', 'wrong user name or password'),
  135: refusal(
    'MQTT_NOT_AUTHORIZED',
    'not authorised',
    'not authorised: check the user name, the password and its rights',
  ),
  136: refusal('MQTT_UNAVAILABLE', 'broker unavailable', 'it says that it is unavailable'),
  137: refusal('MQTT_UNAVAILABLE', 'broker is busy', 'it says that it is busy'),
  138: refusal('MQTT_BANNED', 'banned by the broker', 'it has banned this client'),
  139: refusal('MQTT_UNAVAILABLE', 'broker is shutting down', 'it is shutting down'),
  140: refusal('MQTT_CREDENTIALS', 'authentication method refused', 'it wants another way of authentication'),
  141: refusal(
    'MQTT_KEEP_ALIVE',
    'keep-alive timeout',
    'it has not heard of us for longer than the keep-alive time',
  ),
  142: refusal(
    'MQTT_TAKEN_OVER',
    'client ID used by another client',
    'another client has connected with the same client ID',
  ),
  143: refusal('MQTT_FILTER', 'topic filter refused', 'it refuses the topic filter'),
  147: refusal('MQTT_WINDOW', 'window exceeded', 'it finds its receive maximum exceeded'),
  149: refusal('MQTT_TOO_LARGE', 'packet too large', 'it finds a packet too large'),
  151: refusal('MQTT_QUOTA', 'quota exceeded', 'a quota is used up'),
  152: refusal('MQTT_REFUSED', 'closed by the administrator', 'its administrator has closed the connection'),
  156: refusal('MQTT_MOVED', 'broker has moved', 'it tells us to use another server'),
  157: refusal('MQTT_MOVED', 'broker has moved', 'it has moved to another server'),
  158: refusal('MQTT_SHARED', 'no shared subscriptions', 'it has no shared subscriptions'),
  159: refusal('MQTT_QUOTA', 'too many connections', 'it gets too many connections a second'),
  160: refusal('MQTT_REFUSED', 'connection time is over', 'the longest time of a connection is over'),
  162: refusal('MQTT_FILTER', 'no wildcard subscriptions', 'it allows no wildcards in topic filters'),
}

const UNKNOWN = refusal('MQTT_REFUSED', 'refused by the broker', 'it gives a reason that we do not know')

const NETWORK: Readonly<Record<string, (host: string) => Refusal>> = {
  ECONNREFUSED: (host) => refusal('MQTT_UNREACHABLE', 'not reachable', `nothing listens at ${host}`),
  ENOTFOUND: (host) => refusal('MQTT_UNREACHABLE', 'host not found', `the name of ${host} is unknown`),
  EAI_AGAIN: (host) =>
    refusal('MQTT_UNREACHABLE', 'host not found', `the name of ${host} cannot be looked up now`),
  ETIMEDOUT: (host) => refusal('MQTT_UNREACHABLE', 'no answer', `${host} does not answer`),
  EHOSTUNREACH: (host) => refusal('MQTT_UNREACHABLE', 'not reachable', `there is no way to ${host}`),
  ENETUNREACH: (host) => refusal('MQTT_UNREACHABLE', 'not reachable', `there is no way to ${host}`),
  ECONNRESET: (host) => refusal('MQTT_CLOSED', 'connection lost', `${host} has cut the connection`),
  EPIPE: (host) => refusal('MQTT_CLOSED', 'connection lost', `${host} has cut the connection`),
}

function refusal(code: string, status: string, sentence: string): Refusal {
  return { code, status, sentence }
}

/** The broker refused the connection, or ended it, with this reason code. */
export function refusedWith(reasonCode: number, host: string, cause?: unknown): PipelineError {
  const { code, status, sentence } = REFUSALS[reasonCode] ?? UNKNOWN
  return new PipelineError(code, `the MQTT broker at ${host} refused: ${sentence} (reason ${reasonCode})`, {
    retryable: true,
    statusText: `MQTT: ${status}`,
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
    return reached(
      refusal('MQTT_TLS', 'TLS: certificate or protocol', `TLS with ${host} failed: ${text}`),
      thrown,
    )
  }
  if (/connack timeout/i.test(text)) {
    return reached(
      refusal(
        opened ? 'MQTT_UNANSWERED' : 'MQTT_UNREACHABLE',
        'no answer',
        `${host} does not answer as an MQTT broker`,
      ),
      thrown,
    )
  }
  if (/keepalive timeout/i.test(text)) {
    return reached(refusal('MQTT_KEEP_ALIVE', 'no answer', `${host} has not answered a ping`), thrown)
  }
  return reached(
    refusal('MQTT_CLOSED', 'connection failed', `the connection to ${host} failed: ${text}`),
    thrown,
  )
}

function reached({ code, status, sentence }: Refusal, cause: unknown): PipelineError {
  return new PipelineError(code, `MQTT: ${sentence}`, {
    retryable: true,
    statusText: `MQTT: ${status}`,
    cause,
  })
}

export function closedByBroker(host: string): PipelineError {
  return new PipelineError('MQTT_CLOSED', `MQTT: ${host} has closed the connection`, {
    retryable: true,
    statusText: 'MQTT: connection lost',
  })
}

/** The broker refused a topic filter, or grants less than was asked. */
export function subscriptionRefused(filter: string, granted: number, host: string): PipelineError {
  const { sentence } = REFUSALS[granted] ?? UNKNOWN
  return new PipelineError(
    'MQTT_SUBSCRIPTION',
    `the MQTT broker at ${host} refused the subscription to "${filter}": ${sentence}; check the user's rights`,
    { retryable: true, statusText: 'MQTT: subscription refused' },
  )
}

export function grantedLess(filter: string, asked: number, granted: number, host: string): PipelineError {
  return new PipelineError(
    'MQTT_UNSAFE',
    `the MQTT broker at ${host} grants QoS ${granted} instead of ${asked} for "${filter}": ask for QoS ${granted}, or allow unsafe settings`,
    { retryable: true, statusText: `refused: QoS ${granted} granted, not ${asked}` },
  )
}
