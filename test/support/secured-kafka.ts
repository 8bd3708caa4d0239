/**
 * One Kafka broker that wants clients to log in: a listener for each kind of login and of TLS, users, and
 * permissions (nothing may be done that has not been allowed; the plain listener may do everything). Started when
 * the first test asks for it.
 */
import { freePort } from '../../dev/services/free-port'
import type { SecuredListener } from '../../dev/services/kafka-broker'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import type { KafkaConnection, PasswordMechanism } from '../../src/kafka/connection'
import { FaultProxy } from '../faults/fault-proxy'
import { TestAuthority, type KeyPair } from './certificates'
import { atEnd } from './services'

export const USER = 'pipeline'
export const PASSWORD = 'canary-password'
/** Known to the broker; may log in and do nothing. */
export const STRANGER = 'stranger'
/** A token must carry this scope. */
export const SCOPE = 'kafka'
/** Sessions of the `TOKEN` listener end after this time, unless the client logs in again. */
export const SESSION_MS = 4_000

export interface SecuredKafka {
  readonly service: KafkaService
  readonly authority: TestAuthority
  readonly clientCertificate: KeyPair
  /** The way to the broker for a test that disturbs it, without login. */
  readonly proxy: FaultProxy
  /** A connection to a listener, as its user would configure it, with another value for some properties. */
  connect(listener: ListenerName, change?: Partial<KafkaConnection>): KafkaConnection
}

export type ListenerName =
  'LOGIN' | 'LOGIN_TLS' | 'SERVER_TLS' | 'MUTUAL_TLS' | 'EXPIRED_TLS' | 'OTHER_HOST_TLS' | 'TOKEN'

let started: Promise<SecuredKafka> | undefined

export function securedKafka(): Promise<SecuredKafka> {
  if (started === undefined) {
    started = start()
    atEnd(stop)
  }
  return started
}

export const passwordLogin = (
  mechanism: PasswordMechanism,
  password = PASSWORD,
  username = USER,
): Pick<KafkaConnection, 'sasl'> => ({ sasl: { mechanism, username, password } })

async function start(): Promise<SecuredKafka> {
  const authority = new TestAuthority()
  const server = authority.issue({ name: 'broker' })
  const clientCertificate = authority.issue({ name: USER })
  const users = [USER, STRANGER]
  const proxiedPort = await freePort()
  const proxy = await FaultProxy.start(proxiedPort)
  const service = await startKafka({
    proxied: [{ port: proxiedPort, advertisedPort: proxy.port }],
    listeners: listeners(authority, server),
    scramUsers: users.flatMap((name) =>
      (['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map((mechanism) => ({
        mechanism,
        name,
        password: PASSWORD,
      })),
    ),
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:ANONYMOUS;User:${USER};User:CN=${USER}`,
    },
  })
  const connect = (listener: ListenerName, change: Partial<KafkaConnection> = {}): KafkaConnection => ({
    brokers: [service.addressOf(listener)],
    clientId: 'test',
    tls: listener.endsWith('TLS') ? { ca: authority.cert } : undefined,
    sasl: undefined,
    connectionTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    ...change,
  })
  return { service, authority, clientCertificate, proxy, connect }
}

function listeners(authority: TestAuthority, server: KeyPair): SecuredListener[] {
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required ${[USER, STRANGER]
    .map((user) => `user_${user}="${PASSWORD}"`)
    .join(' ')};`
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  const bearer = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required'
  const logins = {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': plain,
    'scram-sha-256.sasl.jaas.config': scram,
    'scram-sha-512.sasl.jaas.config': scram,
  }
  const certificate = (pair: KeyPair): Record<string, string> => ({
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': pair.bothFile,
  })
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': authority.certFile }
  const mutual = { ...certificate(server), ...trust, 'ssl.client.auth': 'required' }
  const expired = authority.issue({ name: 'expired', expired: true })
  const otherHost = authority.issue({ name: 'other-host', hosts: ['other.example'] })
  return [
    { name: 'LOGIN', protocol: 'SASL_PLAINTEXT', properties: logins },
    { name: 'LOGIN_TLS', protocol: 'SASL_SSL', properties: { ...logins, ...certificate(server) } },
    { name: 'SERVER_TLS', protocol: 'SSL', properties: certificate(server) },
    { name: 'MUTUAL_TLS', protocol: 'SSL', properties: mutual },
    { name: 'EXPIRED_TLS', protocol: 'SSL', properties: certificate(expired) },
    { name: 'OTHER_HOST_TLS', protocol: 'SSL', properties: certificate(otherHost) },
    {
      name: 'TOKEN',
      protocol: 'SASL_PLAINTEXT',
      properties: {
        'sasl.enabled.mechanisms': 'OAUTHBEARER',
        'oauthbearer.sasl.jaas.config': `${bearer} unsecuredValidatorRequiredScope="${SCOPE}" unsecuredLoginStringClaim_sub="broker";`,
        'oauthbearer.connections.max.reauth.ms': String(SESSION_MS),
      },
    },
  ]
}

async function stop(): Promise<void> {
  const kafka = await started
  started = undefined
  await kafka?.proxy.stop()
  await kafka?.service.stop()
  kafka?.authority.remove()
}
