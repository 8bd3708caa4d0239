/**
 * The test of the button in the broker's dialog: connects to each address as a source would, and tells what the broker
 * grants. It has a client ID of its own, because a second connection with the source's would throw that out; and it ends
 * its session, so that the broker queues nothing for it.
 *
 * What no broker tells stays unknown: how many messages it queues for a client, and how many it sends without an
 * acknowledgement.
 */
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { TLSSocket, type ConnectionOptions } from 'node:tls'
import type { IConnackPacket, MqttClient } from 'mqtt'
import { tlsFault, TLS_FAULTS } from '../../config/tls-fault'
import { Checks, type Check } from '../../runtime/checks'
import { settlesWithin } from '../../time/deadline'
import type { PipelineError } from '../../wire/errors'
import { tlsOf, unsafeReason, usesTls, type BrokerSettings, type BrokerUrl } from './broker-settings'
import { dial } from './dial'
import { closedByBroker, connectionError } from './refusals'

export const BROKER_CHECKS = {
  ...TLS_FAULTS,
  reached: 'ok',
  unreachable: 'failed',
  noAnswer: 'failed',
  notMqtt: 'failed',
  refused: 'failed',
  encrypted: 'ok',
  unverified: 'warning',
  readable: 'warning',
  loggedIn: 'ok',
  anonymous: 'warning',
  loginRefused: 'failed',
  notAuthorized: 'failed',
  clientIdRefused: 'failed',
  version5: 'ok',
  version3: 'unknown',
  onlyVersion3: 'warning',
  versionRefused: 'failed',
  sessionKept: 'ok',
  sessionShorter: 'warning',
  sessionRefused: 'failed',
  sessionUnknown: 'unknown',
  window: 'ok',
  windowUnknown: 'unknown',
  packetSize: 'ok',
  sharedSubscriptions: 'ok',
  noSharedSubscriptions: 'warning',
  noWildcards: 'warning',
  onlyQos0: 'failed',
  noQos2: 'warning',
  queue: 'unknown',
  queueUnlimited: 'unknown',
  unsafe: 'warning',
  ownSession: 'ok',
} as const

type Codes = typeof BROKER_CHECKS
type BrokerChecks = Checks<Codes>

export interface BrokerTest {
  readonly settings: BrokerSettings
  /** What may be shown of an address. */
  readonly shown: (url: BrokerUrl) => string
  readonly limitMs?: number
}

const LIMIT_MS = 4_000
/** `$SYS` is retained, so it comes at once where it is. */
const PRODUCT_MS = 400
const GOODBYE_MS = 400
/** An old broker may close without a word when it gets the CONNECT of MQTT 5. */
const TOO_NEW = ['MQTT_VERSION', 'MQTT_CLOSED']
const PRODUCT_TOPICS = ['$SYS/broker/version', '$SYS/brokers/+/version']

/** Never rejects. */
export async function testBroker({
  settings,
  shown,
  limitMs = LIMIT_MS,
}: BrokerTest): Promise<readonly Check[]> {
  const checks: BrokerChecks = new Checks(BROKER_CHECKS)
  const parts = await Promise.all(
    settings.urls.map(async (url) => {
      const part: BrokerChecks = new Checks(BROKER_CHECKS)
      const place = shown(url)
      let connack: IConnackPacket | undefined
      await part.within(limitMs, 'noAnswer', { place }, async (found, signal) => {
        connack = await testAddress(settings, url, place, found, signal)
      })
      return { part, isAccepted: connack !== undefined }
    }),
  )
  for (const { part } of parts) checks.addAll(part)
  if (!parts.some(({ isAccepted }) => isAccepted)) return checks.list
  if (unsafeReason(settings, settings.clientId) !== undefined) checks.add('unsafe')
  checks.add('ownSession')
  return checks.list
}

async function testAddress(
  settings: BrokerSettings,
  url: BrokerUrl,
  place: string,
  checks: BrokerChecks,
  signal: AbortSignal,
): Promise<IConnackPacket | undefined> {
  const { protocol } = settings
  const tried = await connect(settings, url, protocol === '3.1.1' ? 4 : 5, signal)
  const mayBeTooNew = 'error' in tried && TOO_NEW.includes(tried.error.code) && protocol === 'auto'
  const older = mayBeTooNew ? await connect(settings, url, 4, signal) : tried
  const outcome = 'error' in older ? tried : older
  if ('error' in outcome) {
    addRefusal(outcome, url, place, checks)
    return undefined
  }
  const { client, connack } = outcome
  try {
    checks.add('reached', { place })
    addEncryption(client, settings, url, checks)
    addLogin(settings, url, checks)
    if (client.options.protocolVersion === 5) addGranted(connack, settings, checks)
    else addUnknown(protocol === 'auto', checks)
    addQueue(settings, await productOf(client), checks)
    return connack
  } finally {
    await goodbye(client)
  }
}

/** `opened`: the network stood, with TLS where the address has it. */
interface Refusal {
  readonly error: PipelineError
  readonly opened: boolean
}
type Outcome = { readonly client: MqttClient; readonly connack: IConnackPacket } | Refusal

function connect(
  settings: BrokerSettings,
  url: BrokerUrl,
  protocolVersion: 4 | 5,
  signal: AbortSignal,
): Promise<Outcome> {
  const user = settings.username ?? url.username
  const secret = settings.password ?? url.password
  const client = dial(url, () => tlsOf(settings), {
    protocolVersion,
    clientId: `${settings.clientId}-test-${randomBytes(3).toString('hex')}`,
    clean: true,
    keepalive: settings.keepAliveSeconds,
    reconnectPeriod: 0,
    resubscribe: false,
    // The signal is earlier.
    connectTimeout: 2 * LIMIT_MS,
    ...(user !== undefined && { username: user }),
    ...(secret !== undefined && { password: secret }),
    // What is granted is only told for what is asked; `goodbye` ends the session all the same.
    ...(protocolVersion === 5 && {
      properties: { sessionExpiryInterval: settings.cleanSession ? 0 : settings.sessionExpirySeconds },
    }),
  })
  signal.addEventListener('abort', () => client.end(true))
  let opened = false
  client.stream.once(usesTls(url) ? 'secureConnect' : 'connect', () => (opened = true))
  return new Promise((resolve) => {
    client.once('connect', (connack) => resolve({ client, connack }))
    client.on('error', (error) => {
      resolve({ error: connectionError(error, url.host, opened), opened })
      client.end(true)
    })
    client.once('close', () => resolve({ error: closedByBroker(url.host), opened }))
  })
}

const REFUSALS: Readonly<Record<string, keyof Codes>> = {
  MQTT_UNREACHABLE: 'unreachable',
  MQTT_UNANSWERED: 'notMqtt',
  MQTT_CLOSED: 'notMqtt',
  MQTT_CREDENTIALS: 'loginRefused',
  MQTT_NOT_AUTHORIZED: 'notAuthorized',
  MQTT_CLIENT_ID: 'clientIdRefused',
  MQTT_VERSION: 'versionRefused',
}

function addRefusal({ error, opened }: Refusal, url: BrokerUrl, place: string, checks: BrokerChecks): void {
  const reason = error.statusText.replace(/^MQTT: /, '')
  // A port without TLS ends the connection when it gets the first packet of a handshake.
  const hasNoTls = usesTls(url) && !opened && error.code === 'MQTT_CLOSED'
  checks.add(hasNoTls ? 'noTls' : (tlsFault(error) ?? REFUSALS[error.code] ?? 'refused'), { place, reason })
}

function addEncryption(
  { stream }: MqttClient,
  settings: BrokerSettings,
  url: BrokerUrl,
  checks: BrokerChecks,
): void {
  if (usesTls(url)) {
    const { rejectUnauthorized } = (tlsOf(settings) ?? {}) as ConnectionOptions
    const protocol = (stream instanceof TLSSocket && stream.getProtocol()) || 'TLS'
    checks.add(rejectUnauthorized === false ? 'unverified' : 'encrypted', { protocol })
  } else if (!isThisMachine(url.hostname)) checks.add('readable')
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function addLogin(settings: BrokerSettings, url: BrokerUrl, checks: BrokerChecks): void {
  const isNamed = (settings.username ?? url.username ?? '') !== ''
  checks.add(isNamed ? 'loggedIn' : 'anonymous')
}

function addGranted(
  { properties = {} }: IConnackPacket,
  settings: BrokerSettings,
  checks: BrokerChecks,
): void {
  checks.add('version5')
  const asked = settings.sessionExpirySeconds
  const granted = properties.sessionExpiryInterval ?? asked
  if (!settings.cleanSession && asked > 0) {
    if (granted === 0) checks.add('sessionRefused')
    else if (granted < asked) checks.add('sessionShorter', { granted, asked })
    else checks.add('sessionKept', { granted })
  }
  checks.add('window')
  if (properties.maximumPacketSize !== undefined) {
    checks.add('packetSize', { bytes: properties.maximumPacketSize })
  }
  const isShared = properties.sharedSubscriptionAvailable !== false
  checks.add(isShared ? 'sharedSubscriptions' : 'noSharedSubscriptions')
  if (properties.wildcardSubscriptionAvailable === false) checks.add('noWildcards')
  if (properties.maximumQoS === 0) checks.add('onlyQos0')
  if (properties.maximumQoS === 1) checks.add('noQos2')
}

/** MQTT 3.1.1 has no words for any of it. */
function addUnknown(isFallback: boolean, checks: BrokerChecks): void {
  checks.add(isFallback ? 'onlyVersion3' : 'version3')
  checks.add('sessionUnknown')
  checks.add('windowUnknown')
}

/** Where the limit is set, by the name of the broker. */
const QUEUE_SETTINGS: readonly (readonly [RegExp, string])[] = [
  [/mosquitto/i, 'max_queued_messages (mosquitto.conf)'],
  [/emqx/i, 'mqtt.max_mqueue_len (emqx.conf)'],
  [/vernemq/i, 'max_offline_messages (vernemq.conf)'],
]
const QUEUE_SETTING = 'max_queued_messages, max_mqueue_len, max-queue-size'

function addQueue({ queueMessages: expected }: BrokerSettings, product: string, checks: BrokerChecks): void {
  const setting = QUEUE_SETTINGS.find(([pattern]) => pattern.test(product))?.[1] ?? QUEUE_SETTING
  checks.add(expected === 0 ? 'queueUnlimited' : 'queue', { expected, setting })
}

/** What the broker calls itself; empty when it does not. Some end the connection of a client that asks. */
async function productOf(client: MqttClient): Promise<string> {
  let product = ''
  const told = new Promise<void>((resolve) => {
    client.on('close', resolve)
    client.on('message', (topic, payload) => {
      product = `${topic} ${payload.toString('utf8').slice(0, 100)}`
      resolve()
    })
  })
  client.subscribeAsync(PRODUCT_TOPICS, { qos: 0 }).catch(() => undefined)
  await settlesWithin(told, PRODUCT_MS)
  return product
}

/** Ends the session with the connection. */
async function goodbye(client: MqttClient): Promise<void> {
  const isNew = client.options.protocolVersion === 5
  const last = isNew ? { reasonCode: 0, properties: { sessionExpiryInterval: 0 } } : {}
  const ended = new Promise<void>((resolve) => client.end(false, last, () => resolve()))
  if (!(await settlesWithin(ended, GOODBYE_MS))) client.end(true)
}
