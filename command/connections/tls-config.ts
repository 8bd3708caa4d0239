/** Node-RED's own `tls-config` node out of a flow file: the same files and options that it gives to connections. */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

type Values = Readonly<Record<string, unknown>>

/** What `tlsSettings` asks of the node. */
export interface TlsConfig {
  readonly valid: boolean
  addTLSOptions(options: ConnectionOptions): ConnectionOptions
}

/** @param values as in the flow file, with environment variables replaced */
export function tlsConfig(values: Values, credentials: Values): TlsConfig {
  const text = (from: Values, name: string): string => {
    const given = from[name]
    return typeof given === 'string' ? given.trim() : ''
  }
  const files = { cert: text(values, 'cert'), key: text(values, 'key'), ca: text(values, 'ca') }
  const areFiles = Object.values(files).some((file) => file !== '')
  const parts: { cert?: string | Buffer; key?: string | Buffer; ca?: string | Buffer } = {}
  let valid = true
  for (const name of ['cert', 'key', 'ca'] as const) {
    const stored = text(credentials, `${name}data`)
    if (!areFiles && stored !== '') parts[name] = stored
    if (files[name] === '') continue
    try {
      parts[name] = readFileSync(files[name])
    } catch {
      valid = false
    }
  }
  if ((parts.cert === undefined) !== (parts.key === undefined)) valid = false
  const passphrase = text(credentials, 'passphrase')
  const servername = text(values, 'servername')
  const alpn = text(values, 'alpnprotocol')
  return {
    valid,
    addTLSOptions: (options) => ({
      ...options,
      ...parts,
      ...(passphrase !== '' && { passphrase }),
      ...(servername !== '' && { servername }),
      ...(alpn !== '' && { ALPNProtocols: [alpn] }),
      // As the core node has it; one of an old flow that does not say it verifies.
      rejectUnauthorized: values['verifyservercert'] !== false,
    }),
  }
}
