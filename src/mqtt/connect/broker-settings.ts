/**
 * How to reach an MQTT broker, and the safe mode: set-ups in which a broker may forget messages are refused when
 * the flow is deployed, unless the user has chosen them.
 */
import {
  LOGIN_ADVICE,
  nameOf,
  parseAddress,
  parseHosts,
  unreadable,
  type AddressKind,
  type HostPort,
} from '../../config/address'
import { EXPECTED } from '../../config/expected'
import { PipelineError } from '../../wire/errors'
import { asPhrase, phrase, type PlainKey } from '../../status/phrase'

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
  /** The same, as it is on disk now; asked for at each connection. */
  readonly renewTls?: () => object
}

export interface BrokerUrl {
  readonly protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  /** Of a WebSocket, with the query; never shown. */
  readonly path: string
  /** For people: `host:port`. */
  readonly host: string
  readonly username?: string
  readonly password?: string
}

const PROTOCOLS: Readonly<Record<string, readonly [BrokerUrl['protocol'], number]>> = {
  mqtt: ['mqtt', 1883],
  tcp: ['mqtt', 1883],
  mqtts: ['mqtts', 8883],
  tls: ['mqtts', 8883],
  ssl: ['mqtts', 8883],
  ws: ['ws', 80],
  wss: ['wss', 443],
}

const BROKER: AddressKind = {
  what: 'the address of the MQTT broker',
  expects: EXPECTED.mqttUrl,
  status: 'checkBrokerAddress',
}

/**
 * @param text one or several addresses, separated by commas or white space: `mqtt://host:1883`, `mqtts://…`,
 *   `ws://…/path`, `wss://…`, or `host` and `host:port` for plain MQTT
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseBrokerUrls(text: string): BrokerUrl[] {
  // "no broker yet" is not three hosts; a password may have blanks.
  if (!text.includes('@') && /(^|[\s,])[^\s,:@]+\s+[^\s,]/.test(text.trim()))
    throw unreadable(BROKER, 'has white space after a name: put a comma between two addresses')
  const urls = addressesIn(text).flatMap(parseBrokerUrl)
  if (urls.length === 0) throw invalid('the MQTT broker has no address', 'noBrokerAddress')
  return urls
}

/** A password may have commas and blanks in it: where there is a login, only a new protocol begins a new address. */
function addressesIn(text: string): string[] {
  const separator = text.includes('@') ? /[\s,]+(?=[a-z]+:\/\/)/i : /[\s,]+/
  return text.split(separator).filter((part) => /[^\s,]/.test(part))
}

function parseBrokerUrl(text: string): BrokerUrl[] {
  const { scheme = 'mqtt', username, password, hosts, path, search } = parseAddress(text, BROKER)
  const [protocol, defaultPort] = PROTOCOLS[scheme] ?? []
  if (protocol === undefined || defaultPort === undefined) throw unreadable(BROKER, 'has an unknown protocol')
  const [first = '', ...others] = hosts.split(/[\s,]+/)
  const [server] = parseHosts(first, defaultPort, BROKER)
  const { host: hostname, port } = server as HostPort
  const url = {
    protocol,
    hostname,
    port,
    path: protocol.startsWith('ws') ? `${path === '' ? '/' : path}${search}` : '',
    host: nameOf({ host: hostname, port }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
  return [url, ...others.filter((other) => other !== '').flatMap(parseBrokerUrl)]
}

/**
 * For addresses that stand in the flow file, which people export and commit; those from an environment variable may have
 * a password.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function refusePassword(urls: readonly BrokerUrl[]): void {
  if (urls.every(({ password }) => password === undefined)) return
  throw invalid(
    `the address of the MQTT broker holds a password, and would be saved with it in the flow file: ${LOGIN_ADVICE}`,
    'noPasswordInAddress',
  )
}

/** For a connection that is made now. */
export function tlsOf({ tls, renewTls }: Pick<BrokerSettings, 'tls' | 'renewTls'>): object | undefined {
  return renewTls?.() ?? tls
}

export function usesTls({ protocol }: BrokerUrl): boolean {
  return protocol === 'mqtts' || protocol === 'wss'
}

/**
 * @returns why this set-up can lose messages, in a sentence; `undefined` when it is safe
 */
export function unsafeReason(settings: BrokerSettings, clientId: string): PipelineError | undefined {
  if (settings.cleanSession) {
    return unsafe('a clean session forgets what arrives while Node-RED is away', 'cleanSessionLoses')
  }
  if (clientId === '') {
    return unsafe('without a client ID the broker cannot keep a session', 'noClientId')
  }
  if (settings.sessionExpirySeconds === 0 && settings.protocol !== '3.1.1') {
    return unsafe('with a session expiry of 0 the broker forgets the session at once', 'sessionExpiryZero')
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
      'addressMustBeTls',
    )
  }
  const reason = unsafeReason(settings, clientId)
  if (settings.safe && reason !== undefined) throw reason
  if (!settings.cleanSession && clientId === '') {
    throw invalid('a session that is kept needs a client ID', 'noClientId')
  }
}

function unsafe(why: string, reason: PlainKey): PipelineError {
  return new PipelineError(
    'MQTT_UNSAFE',
    `refused: ${why}. Change it in the MQTT broker's configuration, or choose there to allow unsafe settings`,
    { retryable: false, status: phrase('refused', { reason: asPhrase(reason) }) },
  )
}

function invalid(message: string, status: PlainKey): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false, status })
}
