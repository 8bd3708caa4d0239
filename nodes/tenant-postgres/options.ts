/** The options of `tenant-postgres`, and how they become a connection. */
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { connectionConfig, parseServers, type ServerAddress } from '../../src/postgres/connect/connection'
import type { DatabaseOptions } from '../../src/postgres/connect/database'
import type { TableName } from '../../src/postgres/connect/identifiers'
import { nameOption } from '../../src/postgres/connect/name-option'
import { PipelineError } from '../../src/wire/errors'
import { checkVariable, choice, flag, integer, readOptions, text } from '../../src/config/options'
import { passwordEnv, readPassword } from '../../src/config/secret'
import { phrase } from '../../src/status/phrase'

export const options = {
  address: choice(['url', 'fields'], 'url'),
  /** Used with `address: url`. */
  url: text({ default: '${DATABASE_URL}', expects: 'postgresUrl' }),
  /** Used with `address: fields`, like the next three. Several are separated by commas, each with a port or without. */
  host: text({ default: '127.0.0.1', expects: 'postgresHost' }),
  port: integer({ default: 5432, min: 1, max: 65_535, unit: '' }),
  databaseName: text(),
  user: text(),
  passwordEnv: passwordEnv(),
  tlsMode: choice(['auto', 'verify', 'no-verify', 'off'], 'auto'),
  poolSize: integer({ default: 4, min: 1, max: 50, unit: 'connections' }),
  connectTimeoutMs: integer({ default: 10_000, min: 500, max: 120_000, unit: 'ms' }),
  statementTimeoutMs: integer({ default: 60_000, min: 1000, max: 600_000, unit: 'ms' }),
  lockTimeoutMs: integer({ default: 10_000, min: 100, max: 600_000, unit: 'ms' }),
  ledgerSchema: nameOption('public'),
  ledgerTable: nameOption('iot_ledger'),
  createLedger: flag(true),
}

/** As the runtime hands them over. */
export interface PostgresCredentials {
  password: unknown
}

export interface PostgresOptions extends DatabaseOptions {
  readonly ledger: TableName
  /** Create the ledger's table when it is missing. */
  readonly createLedger: boolean
}

/**
 * @param tls what Node-RED's `tls-config` node adds; `undefined` without one
 * @param environment the value of an environment variable
 * @throws PipelineError `CONFIG_INVALID`
 */
export function readDatabase(
  config: object,
  credentials: Partial<PostgresCredentials>,
  tls: TlsOptions | undefined,
  environment: (name: string) => unknown,
): PostgresOptions {
  const values = readOptions(options, config)
  const password = readPassword(values.passwordEnv, credentials.password, environment)
  const connection =
    values.address === 'url'
      ? connectionConfig(readUrl((config as { url?: unknown }).url), values.tlsMode, tls)
      : connectionConfig(readFields(values), values.tlsMode, tls)
  return {
    connection: password === undefined ? connection : { ...connection, password },
    poolSize: values.poolSize,
    connectTimeoutMs: values.connectTimeoutMs,
    statementTimeoutMs: values.statementTimeoutMs,
    lockTimeoutMs: values.lockTimeoutMs,
    ledger: { schema: values.ledgerSchema, table: values.ledgerTable },
    createLedger: values.createLedger,
  }
}

/** The default names an environment variable: where it still stands, Node-RED has not replaced it. */
function readUrl(given: unknown): string {
  checkVariable('url', given)
  if (typeof given === 'string' && given !== '') return given
  throw invalid('url', 'a URL, or the name of an environment variable that is set, such as ${DATABASE_URL}')
}

function readFields({
  host,
  port,
  databaseName,
  user,
}: {
  readonly host: string
  readonly port: number
  readonly databaseName: string
  readonly user: string
}): ServerAddress {
  if (host === '') throw invalid('host', 'a host name or an address')
  if (databaseName === '') throw invalid('databaseName', 'the name of the database')
  if (user === '') throw invalid('user', 'the name of the user')
  return { servers: parseServers(host, port), database: databaseName, user, password: '' }
}

function invalid(property: string, expects: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `"${property}" is empty; expected ${expects}`, {
    retryable: false,
    status: phrase('check', { option: property }),
  })
}
