import assert from 'node:assert/strict'
import { chownSync, copyFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { connectionConfig, type TlsChoice } from '../../src/postgres/connection'
import { DatabaseError } from '../../src/postgres/database-error'
import { TestAuthority } from '../support/certificates'
import { openDatabase } from '../support/sink'

/** A self-signed certificate for 127.0.0.1, made for this test; it protects nothing. */
const TLS_FILES = path.join(__dirname, '..', 'support', 'tls')

describe('connecting to PostgreSQL', () => {
  let server: OwnPostgres
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tenant-postgres-tls-'))
  before(async () => {
    server = await startOwnPostgres({ dataDir })
  })
  after(async () => {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  /** Connects and asks whether the connection is encrypted. */
  async function connect(
    change: (url: URL) => void,
    tls: TlsChoice = 'auto',
    { ca, fields = false }: { ca?: string; fields?: boolean } = {},
  ): Promise<boolean> {
    const url = new URL(server.address)
    change(url)
    const address = fields ? connectionConfig(url.href, 'off') : url.href
    const connection = connectionConfig(address, tls, ca === undefined ? undefined : { ca })
    const database = openDatabase(url.href, { connection, connectTimeoutMs: 2000 })
    try {
      return await database.withClient('asking', async (client) => {
        const { rows } = await client.query<{ ssl: boolean }>(
          'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
        )
        return rows[0]?.ssl === true
      })
    } finally {
      await database.close(0)
    }
  }
  const asItIs = (): void => undefined
  const failsWith = (status: string, kind: string) => (error: unknown) => {
    assert.ok(error instanceof DatabaseError)
    assert.deepEqual([error.statusText, error.kind], [`PostgreSQL: ${status}`, kind])
    assert.doesNotMatch(error.message, /hunter2/)
    return true
  }

  it('says in words what is wrong', async () => {
    const wrong = (change: (url: URL) => void, tls?: TlsChoice): Promise<boolean> => connect(change, tls)
    await assert.rejects(
      wrong((url) => (url.password = 'hunter2')),
      failsWith('wrong password', 'configuration'),
    )
    await assert.rejects(
      wrong((url) => (url.password = '')),
      failsWith('wrong password', 'configuration'),
    )
    await assert.rejects(
      wrong((url) => (url.pathname = '/none')),
      failsWith('no such database', 'configuration'),
    )
    await assert.rejects(
      wrong((url) => (url.port = '1')),
      failsWith('not reachable', 'transient'),
    )
    await assert.rejects(wrong(asItIs, 'verify'), failsWith('server without TLS', 'configuration'))
  })

  it('verifies the certificate, unless that is switched off by name', async () => {
    const cluster = path.join(dataDir, 'cluster')
    const { uid, gid } = statSync(cluster)
    for (const file of ['server.crt', 'server.key']) {
      copyFileSync(path.join(TLS_FILES, file), path.join(cluster, file))
      chmodSync(path.join(cluster, file), 0o600)
      chownSync(path.join(cluster, file), uid, gid)
    }
    const client = new Client({ connectionString: server.address })
    await client.connect()
    await client.query('alter system set ssl = on')
    await client.end()
    await server.shutDown()
    await server.restart()
    await assert.rejects(connect(asItIs, 'verify'), failsWith('self-signed certificate', 'configuration'))
    await assert.rejects(
      connect((url) => (url.search = 'sslmode=require')),
      failsWith('self-signed certificate', 'configuration'),
    )
    const ca = readFileSync(path.join(TLS_FILES, 'server.crt'), 'utf8')
    assert.equal(await connect(asItIs, 'verify', { ca }), true)
    assert.equal(await connect(asItIs, 'no-verify'), true)
    assert.equal(await connect(asItIs), false)
    assert.equal(await connect(asItIs, 'auto', { fields: true }), false)

    // TLS settings that somebody has chosen are not ignored, unless something says so by name.
    assert.equal(await connect(asItIs, 'auto', { ca }), true)
    assert.equal(await connect(asItIs, 'auto', { ca, fields: true }), true)
    const foreign = new TestAuthority()
    await assert.rejects(
      connect(asItIs, 'auto', { ca: foreign.cert }).finally(() => foreign.remove()),
      failsWith('self-signed certificate', 'configuration'),
    )
    assert.equal(await connect((url) => (url.search = 'sslmode=disable'), 'auto', { ca }), false)
    assert.equal(await connect(asItIs, 'off', { ca }), false)
  })
})
