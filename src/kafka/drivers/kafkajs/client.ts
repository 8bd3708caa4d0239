/**
 * A kafkajs client as this package needs it: silent, without delay on small packets, with all codecs, with next to
 * no retries of its own, and with sockets that can be cut. (kafkajs waits for outstanding answers before it closes a
 * connection, and continues to use one that has stopped answering.) Each attempt to connect takes another broker of the
 * list, at random, and none that is silent while there are others: kafkajs would keep to the first two, also when
 * they are down.
 */
import net from 'node:net'
import tls from 'node:tls'
import { Kafka, logLevel, type ISocketFactory, type LogEntry } from 'kafkajs'
import { nextAddressMs, serverName } from '../../../config/dialling'
import type { KafkaConnection } from '../../connection'
import type { KnownBrokers } from './patches/broker-choice'
import { ignoreClockSteps } from './patches/clock'
import { registerCodecs } from './codecs'
import { guardIdleTimer } from './patches/idle-guard'
import { kafkaJsLogin } from './login'
import { isTlsAlert, WANTS_TLS_CODE } from '../../tls-errors'

/** Receives what kafkajs says, for the debug log; our own errors tell the same in plain words. */
export type KafkaLog = (text: string) => void

const KEEP_ALIVE_MS = 60_000
/** Stands for a colon in the host of a seed; no name and no address has it. */
const COLON = '~'
/**
 * A session of limited length (`connections.max.reauth.ms`, or the life of a token) is renewed this long before its
 * end. kafkajs' own 10 s fail with a session of 10 s or less: it would log in again before every request, and the
 * broker refuses that within a second. Too late does no harm, the broker takes a new login at any time.
 */
const RENEW_SESSION_MS = 2_000
/** One attempt more inside kafkajs is harmless (same batch, same partition), and an idempotent producer needs it. */
const RETRY = { retries: 1, initialRetryTime: 100, maxRetryTime: 300 }

export interface KafkaJsClient extends KnownBrokers {
  readonly kafka: Kafka
  /**
   * Cuts the connections to a broker that has not answered in time, and leaves it alone until it answers, or until none
   * of the list is left to ask.
   * @param broker its `host:port`; `undefined`: any, so that all connections are cut
   */
  avoid(broker: string | undefined): void
}

interface Connection {
  readonly broker: string
  answered: boolean
}

/** Each producer, consumer and admin has a client of its own, so that cutting one does not touch the others. */
export function createKafkaJsClient(connection: KafkaConnection, log: KafkaLog): KafkaJsClient {
  guardIdleTimer()
  ignoreClockSteps()
  registerCodecs()
  const sockets = new Map<net.Socket, Connection>()
  const silent = new Set<string>()
  const nextSeed = seedChooser(connection.brokers.map(asSeed), silent)
  const kafka = new Kafka({
    brokers: () => [nextSeed()],
    clientId: connection.clientId,
    ...(connection.tls === undefined ? {} : { ssl: connection.tls }),
    ...(connection.sasl === undefined ? {} : { sasl: kafkaJsLogin(connection.sasl) }),
    connectionTimeout: connection.connectionTimeoutMs,
    authenticationTimeout: connection.requestTimeoutMs,
    reauthenticationThreshold: RENEW_SESSION_MS,
    requestTimeout: connection.requestTimeoutMs,
    retry: RETRY,
    socketFactory: socketFactory(sockets, silent, connection),
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) => log(describeEntry(entry)),
  })
  return {
    kafka,
    cut: (broker) => cut(sockets, broker),
    avoid: (broker) => {
      if (broker !== undefined) silent.add(broker)
      cut(sockets, broker)
    },
    isSilent: (broker) => silent.has(broker),
    seeds: connection.brokers.length,
    isAnswering: (broker) =>
      // One that was just cut is in the list until its end is noticed.
      [...sockets].some(([socket, open]) => open.answered && open.broker === broker && !socket.destroyed),
  }
}

/**
 * Any broker but the one of the last time, and none that is silent: when all are, they count as silent no longer. In turn
 * would not do: kafkajs asks for more brokers than it tries.
 */
function seedChooser(brokers: readonly string[], silent: Set<string>): () => string {
  let last: string | undefined
  return () => {
    if (brokers.every((broker) => silent.has(broker))) silent.clear()
    const good = brokers.filter((broker) => !silent.has(broker))
    const others = good.filter((broker) => broker !== last)
    const from = others.length > 0 ? others : good
    last = from[Math.floor(Math.random() * from.length)]
    return last as string
  }
}

function describeEntry({ namespace, log }: LogEntry): string {
  const reason = typeof log.error === 'string' ? `: ${log.error}` : ''
  return `kafkajs ${namespace}: ${log.message}${reason}`
}

/** kafkajs ends the host of a seed at the first colon, which an IPv6 address has within. */
function asSeed(broker: string): string {
  const [, address, port] = /^\[(.*)\]:(\d+)$/.exec(broker) ?? []
  return address === undefined ? broker : `${address.replaceAll(':', COLON)}:${port}`
}

function socketFactory(
  sockets: Map<net.Socket, Connection>,
  silent: Set<string>,
  { connectionTimeoutMs, renewTls }: Pick<KafkaConnection, 'connectionTimeoutMs' | 'renewTls'>,
): ISocketFactory {
  const autoSelectFamilyAttemptTimeout = nextAddressMs(connectionTimeoutMs)
  return ({ host, port, ssl, onConnect }) => {
    const address = host.replaceAll(COLON, ':')
    const place = { host: address, port, autoSelectFamilyAttemptTimeout }
    const socket = ssl
      ? tls.connect({ ...place, ...serverName(address), ...ssl, ...renewTls?.() }, onConnect)
      : noticeTls(net.connect(place, onConnect))
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.setNoDelay(true)
    const open: Connection = { broker: `${host}:${port}`, answered: false }
    sockets.set(socket, open)
    socket.once('data', () => {
      open.answered = true
      silent.delete(open.broker)
    })
    socket.once('close', () => sockets.delete(socket))
    // kafkajs disconnects from a broker that is away again and again: each time adds a listener to the dead socket.
    socket.setMaxListeners(0)
    // kafkajs takes its listeners off a socket that may still fail.
    socket.on('error', () => undefined)
    return socket
  }
}

/** A port that speaks TLS answers our first request with an alert, which kafkajs takes for the length of an answer. */
function noticeTls(socket: net.Socket): net.Socket {
  return socket.once('data', (firstBytes: Buffer) => {
    if (!isTlsAlert(firstBytes)) return
    socket.destroy(Object.assign(new Error('the broker answers with TLS'), { code: WANTS_TLS_CODE }))
  })
}

function cut(sockets: ReadonlyMap<net.Socket, Connection>, broker: string | undefined): void {
  for (const [socket, open] of sockets) {
    if (broker !== undefined && open.broker !== broker) continue
    // With an error, because kafkajs fails the outstanding requests only on `end` and `error`.
    socket.destroy(new Error('the connection was cut'))
  }
}
