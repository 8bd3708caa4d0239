/**
 * The client that the pool makes its connections with: it connects to the server that is current, looks whether that
 * takes writes, and tells the choice of servers the outcome. A connection is handed out only to a server that
 * can be written to.
 */
import { Socket } from 'node:net'
import { Client, type ClientConfig } from 'pg'
import { nameOf, type Server } from './connection'
import { nextAddressMs, serverName } from '../../config/dialling'
import type { TlsSource } from '../../config/tls-settings'
import { asConnectionError, asDatabaseError, type DatabaseError } from './database-error'
import type { ServerChoice } from './server-choice'
import { serverState, type ServerState } from './server-statements'

export interface ServerClient extends Client {
  readonly server: Server
}

export interface ServerClientOptions {
  /** Without host and port. */
  readonly config: ClientConfig
  readonly servers: ServerChoice
  readonly connectTimeoutMs: number
  readonly renewTls?: TlsSource | undefined
  readonly onConnected: (server: Server, state: ServerState) => void
}

type Connected = (error?: Error) => void

export function serverClient(options: ServerClientOptions): new () => ServerClient {
  const { config, servers, connectTimeoutMs, renewTls, onConnected } = options
  return class extends Client {
    readonly server: Server

    constructor() {
      const server = servers.current
      const ssl = sslOf(server, config.ssl, renewTls)
      super({
        ...config,
        ...server,
        host: certifiedName(server, ssl),
        ssl,
        connectionTimeoutMillis: connectTimeoutMs,
        stream: () => socketTo(server, nextAddressMs(connectTimeoutMs)),
      })
      this.server = server
      // At all times: an error without a listener would end Node-RED.
      this.on('error', () => undefined)
    }

    /** The pool gives a function; nothing else connects with this client. */
    override connect(): Promise<this>
    override connect(connected: Connected): void
    override connect(connected?: Connected): Promise<this> | void {
      const made = this.open()
      if (connected === undefined) return made.then(() => this)
      made.then(() => connected(), connected)
    }

    private async open(): Promise<void> {
      const doing = `connecting to PostgreSQL at ${nameOf(this.server)}`
      try {
        await super.connect()
        const state = await serverState(this, connectTimeoutMs)
        const problem = cannotBeWritten(state, doing)
        if (problem !== undefined) throw problem
        onConnected(this.server, state)
      } catch (error) {
        void this.end().catch(() => undefined)
        const reason = asConnectionError(error, doing)
        servers.refuse(this.server, reason)
        throw reason
      }
    }
  }
}

/** A server speaks no TLS on a Unix socket. Whether its certificate is verified is said by the config alone. */
function sslOf(
  { host }: Server,
  ssl: ClientConfig['ssl'],
  renewTls: TlsSource | undefined,
): ClientConfig['ssl'] {
  if (host.startsWith('/')) return false
  if (typeof ssl !== 'object' || renewTls === undefined) return ssl
  return { ...renewTls(), rejectUnauthorized: ssl.rejectUnauthorized }
}

/** The name that the certificate is asked for. `pg` takes it from the host, and nothing else of a name that is no address. */
function certifiedName({ host }: Server, ssl: ClientConfig['ssl']): string {
  if (typeof ssl !== 'object') return host
  return ssl.servername ?? serverName(host).servername ?? host
}

/** `pg` gives a socket nothing but port and host, and as the host the name of the certificate. */
function socketTo({ host }: Server, autoSelectFamilyAttemptTimeout: number): Socket {
  const socket = new Socket()
  const connect = socket.connect.bind(socket)
  const patiently = (portOrPath: number | string): Socket =>
    typeof portOrPath === 'number'
      ? connect({ port: portOrPath, host, autoSelectFamilyAttemptTimeout })
      : connect(portOrPath)
  return Object.assign(socket, { connect: patiently })
}

function cannotBeWritten({ isStandby, isReadOnly }: ServerState, doing: string): DatabaseError | undefined {
  if (isStandby) return asDatabaseError({ code: 'STANDBY', message: 'the server is a standby' }, doing)
  if (isReadOnly) return asDatabaseError({ code: 'READ_ONLY', message: 'the server is read-only' }, doing)
  return undefined
}
