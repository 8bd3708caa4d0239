/** The options of `tenant-kafka-cluster`, and how they become a connection. */
import { parseBrokers, SASL_MECHANISMS, type KafkaConnection } from '../../src/kafka/connection'
import { PipelineError } from '../../src/runtime/errors'
import { choice, flag, integer, readOptions, text } from '../../src/runtime/options'
import { passwordEnv, readPassword } from '../../src/runtime/secret'

export const options = {
  brokers: text({ required: true, expects: 'addresses such as kafka-1:9092,kafka-2:9092' }),
  clientId: text({
    default: 'node-red',
    pattern: /^[A-Za-z0-9._-]{1,100}$/,
    expects: 'letters, digits, dots, dashes and underscores, at most 100',
  }),
  useTls: flag(false),
  sasl: choice(['none', ...SASL_MECHANISMS], 'none'),
  passwordEnv: passwordEnv(),
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
  return {
    brokers: parseBrokers(values.brokers),
    clientId: values.clientId,
    tls: values.useTls ? (tls ?? {}) : undefined,
    sasl:
      values.sasl === 'none'
        ? undefined
        : readSasl(values.sasl, values.passwordEnv, credentials, environment),
    connectionTimeoutMs: values.connectionTimeoutMs,
    requestTimeoutMs: values.requestTimeoutMs,
  }
}

function readSasl(
  mechanism: (typeof SASL_MECHANISMS)[number],
  variable: string,
  credentials: Partial<ClusterCredentials>,
  environment: (name: string) => unknown,
): KafkaConnection['sasl'] {
  const { username } = credentials
  if (typeof username !== 'string' || username === '')
    throw missing('username', 'a user name, because SASL is chosen')
  const password = readPassword(variable, credentials.password, environment)
  if (password === undefined) throw missing('password', 'a password, because SASL is chosen')
  return { mechanism, username, password }
}

function missing(property: string, expects: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `"${property}" is empty; expected ${expects}`, {
    retryable: false,
    statusText: `check "${property}"`,
  })
}
