/**
 * The test of the button in the dialog of a PostgreSQL configuration: connects to each server, and looks at the one that
 * would be written to: whether it keeps what it has confirmed, and what the user may do to the tables of the flow.
 */
import type { ClientBase } from 'pg'
import { tlsFault, TLS_FAULTS } from '../../config/tls-fault'
import type { TlsSource } from '../../config/tls-settings'
import { Checks, type Check } from '../../runtime/checks'
import type { ConnectionConfig, Server } from './connection'
import { clientConfig } from './database'
import { asDatabaseError, type DatabaseError } from './database-error'
import { durabilityWarnings } from './durability'
import { ServerChoice } from './server-choice'
import { serverClient, type ServerClient } from './server-client'
import type { ServerState } from './server-statements'
import { findTables, mayCreateSchemas, type WantedTable } from './wanted-tables'

export const SERVER_CHECKS = {
  ...TLS_FAULTS,
  reached: 'ok',
  unreachable: 'failed',
  hostUnknown: 'failed',
  noAnswer: 'failed',
  notPostgres: 'failed',
  serverNoTls: 'failed',
  refused: 'failed',
  loginRefused: 'failed',
  loginForbidden: 'failed',
  noDatabase: 'failed',
  tooManyConnections: 'failed',
  starting: 'failed',
  standby: 'warning',
  onlyStandby: 'failed',
  readOnly: 'failed',
  encrypted: 'ok',
  unverified: 'warning',
  readable: 'warning',
  version: 'ok',
  versionTooOld: 'failed',
  timescale: 'ok',
  timescaleAvailable: 'ok',
  noTimescale: 'ok',
  primary: 'ok',
  durable: 'ok',
  notDurable: 'warning',
  standbysBehind: 'warning',
  pooler: 'ok',
  tableReady: 'ok',
  willBeCreated: 'ok',
  tableMissing: 'failed',
  schemaMissing: 'failed',
  mayNotCreate: 'failed',
  mayNotUse: 'failed',
  notOwner: 'warning',
  mayNotCreateSchemas: 'failed',
} as const

type ServerChecks = Checks<typeof SERVER_CHECKS>
type Code = keyof typeof SERVER_CHECKS

export interface ServerTest {
  readonly connection: ConnectionConfig
  readonly renewTls: TlsSource | undefined
  /** What may be shown of an address. */
  readonly shown: (server: Server) => string
  readonly tables: readonly WantedTable[]
  /** Some sink creates a schema for each tenant. */
  readonly createsSchemas: boolean
  readonly limitMs?: number
}

const LIMIT_MS = 4_000
/** It can detach a partition while others write. */
const OLDEST_VERSION = 140_000

/** Never rejects. */
export async function testServer(test: ServerTest): Promise<readonly Check[]> {
  const { connection, shown, limitMs = LIMIT_MS } = test
  const parts = await Promise.all(
    connection.servers.map(async (server) => {
      const checks: ServerChecks = new Checks(SERVER_CHECKS)
      let problem: DatabaseError | undefined
      await checks.within(limitMs, 'noAnswer', { place: shown(server) }, async (found, signal) => {
        problem = await testOne(test, server, found, signal)
      })
      return { checks, isStandby: problem?.sqlState === 'STANDBY' }
    }),
  )
  const all: ServerChecks = new Checks(SERVER_CHECKS)
  for (const { checks } of parts) all.addAll(checks)
  if (parts.length > 0 && parts.every(({ isStandby }) => isStandby)) all.add('onlyStandby')
  return all.list
}

async function testOne(
  test: ServerTest,
  server: Server,
  checks: ServerChecks,
  signal: AbortSignal,
): Promise<DatabaseError | undefined> {
  const { connection, renewTls, shown, limitMs = LIMIT_MS } = test
  const place = shown(server)
  let state: ServerState | undefined
  const Client = serverClient({
    config: clientConfig({ connection, statementTimeoutMs: limitMs }),
    servers: new ServerChoice([server]),
    // The end of the test is earlier.
    connectTimeoutMs: 2 * limitMs,
    renewTls,
    onConnected: (_server, found) => (state = found),
  })
  const client = new Client()
  signal.addEventListener('abort', () => void client.end().catch(() => undefined))
  try {
    await client.connect()
    checks.add('reached', { place })
    addEncryption(connection, server, checks)
    await addServer(client, state as ServerState, checks)
    await addTables(client, test, checks)
    return undefined
  } catch (thrown) {
    const error = asDatabaseError(thrown, 'testing the connection')
    checks.add(refusalOf(error), { place, code: error.sqlState })
    return error
  } finally {
    void client.end().catch(() => undefined)
  }
}

const REFUSALS: Readonly<Record<string, Code>> = {
  ECONNREFUSED: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOENT: 'unreachable',
  ENOTFOUND: 'hostUnknown',
  EAI_AGAIN: 'hostUnknown',
  ETIMEDOUT: 'noAnswer',
  ECONNRESET: 'notPostgres',
  EPIPE: 'notPostgres',
  CONNECTION_LOST: 'notPostgres',
  NO_TLS: 'serverNoTls',
  STANDBY: 'standby',
  READ_ONLY: 'readOnly',
  '28P01': 'loginRefused',
  NO_PASSWORD: 'loginRefused',
  '28000': 'loginForbidden',
  '3D000': 'noDatabase',
  '53300': 'tooManyConnections',
  '57P03': 'starting',
}

function refusalOf({ sqlState }: DatabaseError): Code {
  return REFUSALS[sqlState] ?? tlsFault({ code: sqlState }) ?? 'refused'
}

const THIS_MACHINE = /^(localhost|::1|127\.[\d.]+|\/.*)$/

function addEncryption({ ssl }: ConnectionConfig, { host }: Server, checks: ServerChecks): void {
  if (ssl !== false && !host.startsWith('/')) {
    checks.add(ssl.rejectUnauthorized === false ? 'unverified' : 'encrypted')
  } else if (!THIS_MACHINE.test(host)) checks.add('readable')
}

interface About {
  readonly version: string
  readonly number: number
  readonly timescale: string | null
  readonly isAvailable: boolean
  readonly pid: number
}

const ABOUT = `\
select current_setting('server_version') as version,
       current_setting('server_version_num')::integer as number,
       (select extversion from pg_extension where extname = 'timescaledb') as timescale,
       exists (select from pg_available_extensions where name = 'timescaledb') as "isAvailable",
       pg_backend_pid() as pid`

async function addServer(client: ServerClient, state: ServerState, checks: ServerChecks): Promise<void> {
  const { rows } = await client.query<About>(ABOUT)
  const { version, number, timescale, isAvailable, pid } = rows[0] as About
  checks.add(number < OLDEST_VERSION ? 'versionTooOld' : 'version', { version })
  if (timescale !== null) checks.add('timescale', { version: timescale })
  else checks.add(isAvailable ? 'timescaleAvailable' : 'noTimescale')
  checks.add('primary')
  const { synchronousCommit: setting, standbys, fsync, fullPageWrites } = state
  if (!fsync) checks.add('notDurable', { setting: 'fsync' })
  if (!fullPageWrites) checks.add('notDurable', { setting: 'full_page_writes' })
  // Our own transactions switch it on.
  const isHasty = durabilityWarnings({ ...state, fsync: true, fullPageWrites: true }).length > 0
  checks.add(isHasty ? 'standbysBehind' : 'durable', { setting, standbys })
  // A pooler makes up the number that a client gets when it connects.
  if (pid !== (client as unknown as { readonly processID: number | null }).processID) checks.add('pooler')
}

async function addTables(
  client: ClientBase,
  { tables, createsSchemas }: ServerTest,
  checks: ServerChecks,
): Promise<void> {
  const findings = await findTables(client, tables)
  findings.forEach(({ finding, missing }, index) => {
    const { schema, table } = tables[index] as WantedTable
    checks.add(finding, { table: `${schema}.${table}`, schema, rights: missing.join(', ') })
  })
  if (createsSchemas && !(await mayCreateSchemas(client))) checks.add('mayNotCreateSchemas')
}
