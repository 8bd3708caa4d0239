/**
 * How to reach an MQTT broker, and the safe mode: set-ups in which a broker may forget messages are refused when
 * the flow is deployed, unless the user has chosen them.
 */
import { PipelineError } from '../runtime/errors'

export type ProtocolVersion = 4 | 5
export type ProtocolChoice = 'auto' | '5' | '3.1.1'

/** What the configuration node is given, already parsed. */
export interface BrokerSettings {
  /** Tried in this order. At least one. */
  readonly urls: readonly BrokerUrl[]
  /** May be empty. A source appends a part of its own. */
  readonly clientId: string
  readonly protocol: ProtocolChoice
  readonly keepAliveSeconds: number
  /** Asked of an MQTT 5 broker. */
  readonly sessionExpirySeconds: number
  readonly cleanSession: boolean
  /** Messages that the broker queues for one client, and drops what comes after them; 0: no limit. */
  readonly queueMessages: number
  /** Refuse what can lose messages. */
  readonly safe: boolean
  readonly username?: string
  readonly password?: string
  /** For Node's `tls.connect`. */
  readonly tls?: object
}

export interface BrokerUrl {
  /** For MQTT.js, without user and password. */
  readonly href: string
  /** For people: `host:port`. */
  readonly host: string
  readonly username?: string
  readonly password?: string
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 }
const ALIASES: Readonly<Record<string, string>> = { tcp: 'mqtt', tls: 'mqtts', ssl: 'mqtts' }

/**
 * @param text one or several addresses, separated by commas or white space: `mqtt://host:1883`, `mqtts://…`,
 *   `ws://…/path`, `wss://…`, or `host` and `host:port` for plain MQTT
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseBrokerUrls(text: string): BrokerUrl[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '')
  if (parts.length === 0) throw invalid('the MQTT broker has no address', 'no broker address')
  return parts.map(parseBrokerUrl)
}

function parseBrokerUrl(text: string): BrokerUrl {
  const given = /^[a-z]+:\/\//i.test(text) ? text : `mqtt://${text}`
  const separator = given.indexOf('://')
  const scheme = given.slice(0, separator).toLowerCase()
  const protocol = ALIASES[scheme] ?? scheme
  const defaultPort = DEFAULT_PORTS[protocol]
  const parsed = parseAsHttp(given.slice(separator))
  if (defaultPort === undefined || parsed === null || parsed.hostname === '') {
    const shown = withoutCredentials(text)
    throw invalid(
      `"${shown}" is no address of an MQTT broker; expected mqtt://host:1883, mqtts://, ws:// or wss://`,
      'check the broker address',
    )
  }
  // URL hides port 80 of http.
  const port = parsed.port === '' ? (/:80(\/|$)/.test(given) ? 80 : defaultPort) : Number(parsed.port)
  const path = protocol.startsWith('ws') ? `${parsed.pathname}${parsed.search}` : ''
  return {
    href: `${protocol}://${parsed.hostname}:${port}${path}`,
    host: `${parsed.hostname}:${port}`,
    ...(parsed.username !== '' && { username: decodeURIComponent(parsed.username) }),
    ...(parsed.password !== '' && { password: decodeURIComponent(parsed.password) }),
  }
}

/** URL takes only addresses of the web apart. */
function parseAsHttp(rest: string): URL | null {
  try {
    return new URL(`http${rest}`)
  } catch {
    return null
  }
}

function withoutCredentials(text: string): string {
  return text.replace(/\/\/.*@/, '//…@')
}

export function usesTls(url: BrokerUrl): boolean {
  return /^(mqtts|wss):/.test(url.href)
}

/**
 * @returns why this set-up can lose messages, in a sentence; `undefined` when it is safe
 */
export function unsafeReason(settings: BrokerSettings, clientId: string): PipelineError | undefined {
  if (settings.cleanSession) {
    return unsafe(
      'a clean session forgets what arrives while Node-RED is away',
      'clean session loses messages',
    )
  }
  if (clientId === '') {
    return unsafe('without a client ID the broker cannot keep a session', 'no client ID')
  }
  if (settings.sessionExpirySeconds === 0 && settings.protocol !== '3.1.1') {
    return unsafe('with a session expiry of 0 the broker forgets the session at once', 'session expiry is 0')
  }
  return undefined
}

/**
 * Checks what can be checked before anything is connected.
 * @throws PipelineError not retryable
 */
export function checkBrokerSettings(settings: BrokerSettings, clientId: string): void {
  if (settings.tls !== undefined && !settings.urls.some(usesTls)) {
    throw invalid(
      'TLS is configured, but the broker address is not encrypted: use mqtts:// or wss://',
      'address must be mqtts:// or wss://',
    )
  }
  const reason = unsafeReason(settings, clientId)
  if (settings.safe && reason !== undefined) throw reason
  if (!settings.cleanSession && clientId === '') {
    throw invalid('a session that is kept needs a client ID', 'no client ID')
  }
}

function unsafe(why: string, statusText: string): PipelineError {
  return new PipelineError(
    'MQTT_UNSAFE',
    `refused: ${why}. Change it in the MQTT broker's configuration, or choose there to allow unsafe settings`,
    { retryable: false, statusText: `refused: ${statusText}` },
  )
}

function invalid(message: string, statusText: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false, statusText })
}
