/** The options of `tenant-mqtt-broker`, and how they become settings; its dialog uses this table as well. */
import { choice, flag, integer, readOptions, text } from '../../src/config/options'
import { passwordEnv, readPassword } from '../../src/config/secret'
import type { TlsSource } from '../../src/config/tls-settings'
import { parseBrokerUrls, type BrokerSettings } from '../../src/mqtt/connect/broker-settings'

export const options = {
  url: text({ required: true, expects: 'mqttUrl' }),
  clientId: text(),
  protocolVersion: choice(['auto', '5', '3.1.1'], 'auto'),
  keepAliveSeconds: integer({ default: 60, min: 2, max: 65_535, unit: 's' }),
  sessionExpirySeconds: integer({ default: 604_800, min: 0, max: 4_294_967_295, unit: 's' }),
  /** 1,000 is what Mosquitto, EMQX, HiveMQ and VerneMQ come with. */
  queueMessages: integer({ default: 1000, min: 0, max: 4_294_967_295, unit: 'messages' }),
  cleanSession: flag(false),
  allowUnsafe: flag(false),
  user: text(),
  passwordEnv: passwordEnv(),
}

/**
 * @param credentials as the runtime hands them over
 * @param tls what Node-RED's `tls-config` node adds; `undefined` without one
 * @param environment the value of an environment variable
 * @throws PipelineError `CONFIG_INVALID`
 */
export function readBroker(
  config: object,
  credentials: { readonly password?: unknown },
  tls: TlsSource | undefined,
  environment: (name: string) => unknown,
): BrokerSettings {
  const values = readOptions(options, config)
  const password = readPassword(values.passwordEnv, credentials.password, environment)
  return {
    urls: parseBrokerUrls(values.url),
    clientId: values.clientId,
    protocol: values.protocolVersion,
    keepAliveSeconds: values.keepAliveSeconds,
    sessionExpirySeconds: values.sessionExpirySeconds,
    queueMessages: values.queueMessages,
    cleanSession: values.cleanSession,
    safe: !values.allowUnsafe,
    ...(values.user !== '' && { username: values.user }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: tls(), renewTls: tls }),
  }
}
