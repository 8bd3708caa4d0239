/**
 * How to reach the server, or one of several: a URL or single fields, and TLS. We build the `ssl` object ourselves,
 * because what `sslmode` means in `pg` is about to change: verified here, unless `no-verify` is written by name.
 * Several servers are written as libpq has them: `postgres://a:5432,b:5433/db`.
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { PipelineError } from '../runtime/errors'

/** `auto`: what the URL's `sslmode` says; without one `verify` if TLS settings were chosen, else no TLS. */
export type TlsChoice = 'auto' | 'verify' | 'no-verify' | 'off'

export interface Server {
  readonly host: string
  readonly port: number
}

export interface ServerAddress {
  /** In the order in which they are tried; at least one. */
  readonly servers: readonly Server[]
  readonly database: string
  readonly user: string
  readonly password: string
}

/** What `pg` is told, besides the server. */
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

/** One server, for a sentence. */
export function nameOf({ host, port }: Server): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * A comma-separated list of hosts, each with a port of its own or with the given one.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseServers(list: string, defaultPort: number): Server[] {
  return list.split(',').map((text) => parseServer(text.trim(), defaultPort))
}

function parseServer(text: string, defaultPort: number): Server {
  // More than one colon and no brackets: an IPv6 address without a port.
  const bare = /^[^[\]]*:[^[\]]*:[^[\]]*$/.test(text)
  const [, inBrackets, name, port] = bare
    ? []
    : (/^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d+))?$/.exec(text) ?? [])
  const host = bare ? text : (inBrackets ?? name)
  const number = port === undefined ? defaultPort : Number(port)
  if (host !== undefined && number >= 1 && number <= 65_535) return { host, port: number }
  throw invalid(
    `"${text}" is not a host, or host:port; several are separated by commas, as in a:5432,b:5433`,
    'check the host',
  )
}

function parseUrl(text: string): ServerAddress & { sslMode: string | null } {
  // `URL` knows one host only.
  const [, scheme, login = '', hosts = '', rest = ''] =
    /^(postgres(?:ql)?:\/\/)([^/?#]*@)?([^/?#@]*)([/?#].*)?$/.exec(text) ?? []
  const single = `${scheme ?? ''}${login}host${rest}`
  const parsed = scheme !== undefined && URL.canParse(single) ? new URL(single) : undefined
  if (parsed === undefined) {
    throw invalid('the URL is not of the form postgres://user@host:5432/database', 'check the URL')
  }
  const user = decodeURIComponent(parsed.username)
  return {
    servers: parseServers(hosts === '' ? '127.0.0.1' : hosts, DEFAULT_PORT),
    database: decodeURIComponent(parsed.pathname.slice(1)) || user,
    user,
    password: decodeURIComponent(parsed.password),
    sslMode: parsed.searchParams.get('sslmode'),
  }
}

function modeOf(sslMode: string | null, hasSettings: boolean): TlsChoice {
  // Whoever chooses settings for TLS wants it: they must not be ignored in silence.
  if (sslMode === null) return hasSettings ? 'verify' : 'off'
  const choice = SSL_MODES[sslMode]
  if (choice !== undefined) return choice
  const known = Object.keys(SSL_MODES).join(', ')
  throw invalid(`sslmode=${sslMode} in the URL is not one of ${known}`, 'check sslmode')
}

function invalid(message: string, statusText: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false, statusText })
}
