/** How to reach a Kafka cluster: the values of a `tenant-kafka-cluster` node, checked and ready for a driver. */
import type { ConnectionOptions } from 'node:tls'
import { LOGIN_ADVICE, nameOf, parseHosts, unreadable, type AddressKind } from '../config/address'
import { EXPECTED } from '../config/expected'
import type { TlsSource } from '../config/tls-settings'
import { phrase } from '../status/phrase'

export const PASSWORD_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export const SASL_MECHANISMS = [...PASSWORD_MECHANISMS, 'oauthbearer'] as const
export type PasswordMechanism = (typeof PASSWORD_MECHANISMS)[number]

/** How we log in. */
export type SaslLogin =
  | { readonly mechanism: PasswordMechanism; readonly username: string; readonly password: string }
  | { readonly mechanism: 'oauthbearer'; readonly token: TokenSource; readonly tokenUrl?: string }

/**
 * Gives a bearer token that is good for a while yet; asked at every login, and again before a session ends. It keeps
 * its token itself. `clientCredentials` of `token-endpoint.ts` makes one.
 */
export type TokenSource = () => Promise<string>

export interface KafkaConnection {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `undefined`: no TLS; `{}`: TLS that trusts the authorities of Node.js. */
  readonly tls: ConnectionOptions | undefined
  /** The same, as it is on disk now; asked for at each connection. */
  readonly renewTls?: TlsSource
  readonly sasl: SaslLogin | undefined
  readonly connectionTimeoutMs: number
  /** How long an answer may take. After it the connection is cut and replaced. */
  readonly requestTimeoutMs: number
}

const DEFAULT_PORT = 9092
const BROKERS: AddressKind = {
  what: '"brokers"',
  expects: EXPECTED.kafkaBrokers,
  status: phrase('check', { option: 'brokers' }),
}

/**
 * @param text addresses with commas between them; a missing port is 9092
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseBrokers(text: string): string[] {
  if (text.includes('@')) throw unreadable(BROKERS, `has a login; ${LOGIN_ADVICE}`)
  if (text.includes('://')) throw unreadable(BROKERS, 'has a protocol, as in SSL://')
  const entries = text.split(',').filter((entry) => entry.trim() !== '')
  if (entries.length === 0) throw unreadable(BROKERS, 'has no address')
  return parseHosts(entries.join(','), DEFAULT_PORT, BROKERS).map(nameOf)
}

/** What is allowed and not wise, for the log. */
export function connectionWarnings({ sasl, tls }: Pick<KafkaConnection, 'sasl' | 'tls'>): string[] {
  if (sasl === undefined) return []
  const warnings: string[] = []
  if (tls === undefined) {
    const name = sasl.mechanism.toUpperCase()
    warnings.push(`SASL ${name} without TLS: ${READABLE[sasl.mechanism]}; switch "Use TLS" on`)
  }
  if (sasl.mechanism === 'oauthbearer' && sasl.tokenUrl?.startsWith('http:') === true) {
    warnings.push('"tokenUrl" begins with http: the client secret travels readable; use https')
  }
  return warnings
}

const READABLE: Readonly<Record<SaslLogin['mechanism'], string>> = {
  plain: 'the password travels readable',
  oauthbearer: 'the token travels readable',
  'scram-sha-256': 'the login is protected, the records are not',
  'scram-sha-512': 'the login is protected, the records are not',
}
