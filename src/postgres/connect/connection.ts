/**
 * How to reach the server, or one of several: a URL or single fields, and TLS. We build the `ssl` object ourselves,
 * because what `sslmode` means in `pg` is about to change: verified here, unless `no-verify` is written by name.
 * Several servers are written as libpq has them: `postgres://a:5432,b:5433/db`.
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import {
  decode,
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
import type { PlainKey } from '../../status/phrase'

export { nameOf }

/** `auto`: what the URL's `sslmode` says; without one `verify` if TLS settings were chosen, else no TLS. */
export type TlsChoice = 'auto' | 'verify' | 'no-verify' | 'off'

/** A host that begins with a slash is the folder of a Unix socket. */
export type Server = HostPort

export interface ServerAddress {
  /** In the order in which they are tried; at least one. */
  readonly servers: readonly Server[]
  readonly database: string
  readonly user: string
  readonly password: string
}

/** What `pg` gets, besides the server. */
export interface ConnectionConfig extends ServerAddress {
  readonly ssl: false | TlsOptions
}

const DEFAULT_PORT = 5432

const SSL_MODES: Readonly<Record<string, TlsChoice>> = {
  disable: 'off',
  'no-verify': 'no-verify',
  require: 'verify',
  'verify-ca': 'verify',
  'verify-full': 'verify',
}

/**
 * @param tlsOptions certificates of a TLS configuration node; `undefined` when none was chosen
 * @throws PipelineError `CONFIG_INVALID`
 */
export function connectionConfig(
  address: string | ServerAddress,
  tls: TlsChoice,
  tlsOptions?: TlsOptions,
): ConnectionConfig {
  const { sslMode, ...server } =
    typeof address === 'string' ? parseUrl(address) : { ...address, sslMode: null }
  const choice = tls === 'auto' ? modeOf(sslMode, tlsOptions !== undefined) : tls
  const ssl = choice === 'off' ? false : { ...tlsOptions, rejectUnauthorized: choice === 'verify' }
  return { ...server, ssl }
}

/** Where it goes, for a sentence; never with user or password. */
export function placeOf({ servers, database }: Pick<ServerAddress, 'servers' | 'database'>): string {
  return `${servers.map(nameOf).join(',')}/${database}`
}

/**
 * A comma-separated list of hosts, each with a port of its own or with the given one.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseServers(list: string, defaultPort: number): Server[] {
  return parseHosts(list, defaultPort, HOSTS)
}

const HOSTS: AddressKind = {
  what: '"host"',
  expects: EXPECTED.postgresHost,
  status: 'checkHost',
  sockets: true,
}
const SERVER_URL: AddressKind = {
  what: 'the URL of PostgreSQL',
  expects: EXPECTED.postgresUrl,
  status: 'checkUrl',
  sockets: true,
}

function parseUrl(text: string): ServerAddress & { sslMode: string | null } {
  const { scheme, username, password, hosts, path, search } = parseAddress(text, SERVER_URL)
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    throw unreadable(SERVER_URL, `has another form; if its password has special characters, ${LOGIN_ADVICE}`)
  }
  const parameters = new URLSearchParams(search)
  // As libpq has it: postgres:///database?host=/run/postgresql
  const port = Number(parameters.get('port') ?? DEFAULT_PORT)
  const servers = parseHosts(hosts || (parameters.get('host') ?? '127.0.0.1'), port, SERVER_URL)
  const user = username ?? ''
  return {
    servers,
    database: decode(path.slice(1), SERVER_URL) || user,
    user,
    password: password ?? '',
    sslMode: parameters.get('sslmode'),
  }
}

function modeOf(sslMode: string | null, hasSettings: boolean): TlsChoice {
  // Settings for TLS say that it is wanted: they must not be ignored silently.
  if (sslMode === null) return hasSettings ? 'verify' : 'off'
  const choice = SSL_MODES[sslMode]
  if (choice !== undefined) return choice
  const known = Object.keys(SSL_MODES).join(', ')
  throw invalid(`"sslmode" in the URL is not one of ${known}`, 'checkSslMode')
}

function invalid(message: string, status: PlainKey): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false, status })
}
