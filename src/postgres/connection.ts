/**
 * How to reach the server: a URL or single fields, and TLS. We build the `ssl` object ourselves, because what
 * `sslmode` means in `pg` is about to change: verified here, unless `no-verify` is written by name.
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import { PipelineError } from '../runtime/errors'

/** `auto`: what the URL's `sslmode` says; without one no TLS. */
export type TlsChoice = 'auto' | 'verify' | 'no-verify' | 'off'

export interface ServerAddress {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

const SSL_MODES: Readonly<Record<string, TlsChoice>> = {
  disable: 'off',
  'no-verify': 'no-verify',
  require: 'verify',
  'verify-ca': 'verify',
  'verify-full': 'verify',
}

/**
 * @param tlsOptions certificates of a TLS configuration node
 * @throws PipelineError `CONFIG_INVALID`
 */
export function connectionConfig(
  address: string | ServerAddress,
  tls: TlsChoice,
  tlsOptions: TlsOptions = {},
): ClientConfig & { host: string } {
  const { sslMode, ...server } =
    typeof address === 'string' ? parseUrl(address) : { ...address, sslMode: null }
  const choice = tls === 'auto' ? modeOf(sslMode) : tls
  const ssl = choice === 'off' ? false : { ...tlsOptions, rejectUnauthorized: choice === 'verify' }
  return { ...server, ssl }
}

/** Where it goes, for a sentence; never with user or password. */
export function placeOf({ host, port, database }: ClientConfig): string {
  return `${host ?? ''}:${port ?? ''}/${database ?? ''}`
}

function parseUrl(text: string): ServerAddress & { sslMode: string | null } {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw invalid('the URL is not of the form postgres://user@host:5432/database', 'check the URL')
  }
  const user = decodeURIComponent(parsed.username)
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: parsed.port === '' ? 5432 : Number(parsed.port),
    database: decodeURIComponent(parsed.pathname.slice(1)) || user,
    user,
    password: decodeURIComponent(parsed.password),
    sslMode: parsed.searchParams.get('sslmode'),
  }
}

function modeOf(sslMode: string | null): TlsChoice {
  if (sslMode === null) return 'off'
  const choice = SSL_MODES[sslMode]
  if (choice !== undefined) return choice
  const known = Object.keys(SSL_MODES).join(', ')
  throw invalid(`sslmode=${sslMode} in the URL is not one of ${known}`, 'check sslmode')
}

function invalid(message: string, statusText: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false, statusText })
}
