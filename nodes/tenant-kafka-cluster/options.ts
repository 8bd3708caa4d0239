/** The options of `tenant-kafka-cluster`, and how they become a connection. */
import { checkTls } from '../../src/config/tls-settings'
import { parseBrokers, SASL_MECHANISMS, type KafkaConnection } from '../../src/kafka/connection'
import { clientCredentials } from '../../src/kafka/token-endpoint'
import { PipelineError } from '../../src/wire/errors'
import {
  checkVariable,
  choice,
  flag,
  integer,
  readOptions,
  text,
  type OptionValues,
} from '../../src/config/options'
import { passwordEnv, readPassword } from '../../src/config/secret'
import { phrase } from '../../src/status/phrase'

export const options = {
  brokers: text({ required: true, expects: 'kafkaBrokers' }),
  clientId: text({
    default: 'node-red',
    pattern: /^[A-Za-z0-9._-]{1,100}$/,
    expects: 'kafkaClientId',
  }),
  useTls: flag(false),
  sasl: choice(['none', ...SASL_MECHANISMS], 'none'),
  passwordEnv: passwordEnv(),
  tokenUrl: text({
    pattern: /^https?:\/\/(?!.*[?&](user|username|password|client_id|client_secret)=)[^\s@]+$/i,
    expects: 'tokenUrl',
    confidential: true,
  }),
  tokenScope: text(),
  connectionTimeoutMs: integer({ default: 10_000, min: 1000, max: 120_000, unit: 'ms' }),
  requestTimeoutMs: integer({ default: 30_000, min: 1000, max: 300_000, unit: 'ms' }),
}

/** As the runtime hands them over. */
export interface ClusterCredentials {
  username: unknown
  password: unknown
}

/**
 * @param tls what Node-RED's `tls-config` node adds; `undefined` without one
 * @param environment the value of an environment variable
 * @throws PipelineError `CONFIG_INVALID`
 */
export function readConnection(
  config: object,
  credentials: Partial<ClusterCredentials>,
  tls: KafkaConnection['tls'],
  environment: (name: string) => unknown,
): KafkaConnection {
  const values = readOptions(options, config)
  if (values.useTls) checkTls(tls ?? {})
  return {
    brokers: parseBrokers(values.brokers),
    clientId: values.clientId,
    tls: values.useTls ? (tls ?? {}) : undefined,
    sasl: readLogin(values, credentials, environment),
    connectionTimeoutMs: values.connectionTimeoutMs,
    requestTimeoutMs: values.requestTimeoutMs,
  }
}

/** User and password are the client's id and secret when a token endpoint is asked. */
function readLogin(
  { sasl, passwordEnv: variable, tokenUrl, tokenScope, connectionTimeoutMs }: OptionValues<typeof options>,
  credentials: Partial<ClusterCredentials>,
  environment: (name: string) => unknown,
): KafkaConnection['sasl'] {
  if (sasl === 'none') return undefined
  const bearer = sasl === 'oauthbearer'
  const { username } = credentials
  checkVariable('username', username)
  if (typeof username !== 'string' || username === '')
    throw missing('username', bearer ? 'a client id' : 'a user name', sasl)
  const password = readPassword(variable, credentials.password, environment)
  if (password === undefined) throw missing('password', bearer ? 'a client secret' : 'a password', sasl)
  if (!bearer) return { mechanism: sasl, username, password }
  if (tokenUrl === '') throw missing('tokenUrl', 'the URL of the token endpoint', sasl)
  const token = clientCredentials({
    url: tokenUrl,
    clientId: username,
    clientSecret: password,
    scope: tokenScope,
    timeoutMs: connectionTimeoutMs,
  })
  return { mechanism: sasl, token, tokenUrl }
}

function missing(property: string, expects: string, sasl: string): PipelineError {
  return new PipelineError(
    'CONFIG_INVALID',
    `"${property}" is empty; expected ${expects}, because SASL ${sasl.toUpperCase()} is chosen`,
    { retryable: false, status: phrase('check', { option: property }) },
  )
}
