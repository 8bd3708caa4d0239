/** How to reach a Kafka cluster: the values of a `tenant-kafka-cluster` node, checked and ready for a driver. */
import type { ConnectionOptions } from 'node:tls'
import { PipelineError } from '../runtime/errors'

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

export interface KafkaConnection {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `undefined`: no TLS; `{}`: TLS that trusts the authorities of Node.js. */
  readonly tls: ConnectionOptions | undefined
  readonly sasl:
    { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string } | undefined
  readonly connectionTimeoutMs: number
  /** How long an answer may take. After it the connection is cut and made anew. */
  readonly requestTimeoutMs: number
}

const DEFAULT_PORT = 9092
const BROKER = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/

/**
 * @param text addresses with commas between them; a missing port is 9092
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseBrokers(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const addresses = entries.filter((entry) => entry !== '')
  if (addresses.length === 0) throw invalidBrokers('nothing')
  return addresses.map((address) => {
    const [, host, port = String(DEFAULT_PORT)] = BROKER.exec(address) ?? []
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw invalidBrokers(address)
    return `${host}:${port}`
  })
}

function invalidBrokers(given: string): PipelineError {
  return new PipelineError(
    'CONFIG_INVALID',
    `"brokers" contains ${given}; expected addresses such as kafka-1:9092,kafka-2:9092`,
    { retryable: false, statusText: 'check "brokers"' },
  )
}
