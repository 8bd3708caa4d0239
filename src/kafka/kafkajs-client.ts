/**
 * A kafkajs client as this package needs it: silent, without delay on small packets, with all codecs, with next to
 * no retries of its own, and with sockets that can be cut. (kafkajs waits for outstanding answers before it closes a
 * connection, and goes on using one that has stopped answering.)
 */
import net from 'node:net'
import tls from 'node:tls'
import { Kafka, logLevel, type ISocketFactory, type LogEntry, type SASLOptions } from 'kafkajs'
import type { KafkaConnection } from './connection'
import { registerCodecs } from './kafkajs-codecs'
import { guardIdleTimer } from './kafkajs-idle-guard'
import { useRecordEncoder } from './kafkajs-record-encoder'

/** Receives what kafkajs says, for the debug log; our own errors tell the same in plain words. */
export type KafkaLog = (text: string) => void

const KEEP_ALIVE_MS = 60_000
/** One attempt more inside kafkajs is harmless (same batch, same partition), and an idempotent producer needs it. */
const RETRY = { retries: 1, initialRetryTime: 100, maxRetryTime: 300 }

export interface KafkaJsClient {
  readonly kafka: Kafka
  /** Cuts all connections: what is outstanding fails, and the next request connects anew. */
  cut(): void
}

/** Each producer, consumer and admin has a client of its own, so that cutting one does not touch the others. */
export function createKafkaJsClient(connection: KafkaConnection, log: KafkaLog): KafkaJsClient {
  guardIdleTimer()
  useRecordEncoder()
  registerCodecs()
  const sockets = new Set<net.Socket>()
  const kafka = new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    ...(connection.tls === undefined ? {} : { ssl: connection.tls }),
    ...(connection.sasl === undefined ? {} : { sasl: { ...connection.sasl } as SASLOptions }),
    connectionTimeout: connection.connectionTimeoutMs,
    authenticationTimeout: connection.requestTimeoutMs,
    requestTimeout: connection.requestTimeoutMs,
    retry: RETRY,
    socketFactory: socketFactory(sockets),
    logLevel: logLevel.ERROR,
    logCreator: () => (entry) => log(describeEntry(entry)),
  })
  return { kafka, cut: () => cut(sockets) }
}

function describeEntry({ namespace, log }: LogEntry): string {
  const reason = typeof log.error === 'string' ? `: ${log.error}` : ''
  return `kafkajs ${namespace}: ${log.message}${reason}`
}

function socketFactory(sockets: Set<net.Socket>): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const name = net.isIP(host) === 0 ? { servername: host } : {}
    const socket = ssl
      ? tls.connect({ host, port, ...name, ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // kafkajs takes its listeners off a socket that may still fail.
    socket.on('error', () => undefined)
    return socket
  }
}

function cut(sockets: ReadonlySet<net.Socket>): void {
  // With an error, because kafkajs fails the outstanding requests only on `end` and `error`.
  for (const socket of sockets) socket.destroy(new Error('the connection was cut'))
}
