import assert from 'node:assert/strict'
import { chownSync, copyFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { connectionConfig, type TlsChoice } from '../../src/postgres/connect/connection'
import type { Database } from '../../src/postgres/connect/database'
import { DatabaseError } from '../../src/postgres/connect/database-error'
import { TlsSettings } from '../../src/config/tls-settings'
import { TestAuthority } from '../support/certificates'
import { keptLog } from '../support/events'
import { openDatabase } from '../support/sink'
import { until } from '../support/until'

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

  function isEncrypted(database: Database): Promise<boolean> {
    return database.withClient('asking', async (client) => {
      const { rows } = await client.query<{ ssl: boolean }>(
        'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
      )
      return rows[0]?.ssl === true
    })
  }

  /** As the server's own file: it takes no other key. */
  function install(from: string, to: string): void {
    const { uid, gid } = statSync(path.dirname(to))
    copyFileSync(from, to)
    chmodSync(to, 0o600)
    chownSync(to, uid, gid)
  }

  async function switchTls(state: 'on' | 'off'): Promise<void> {
    const client = new Client({ connectionString: server.address })
    await client.connect()
    await client.query(`alter system set ssl = ${state}`)
    await client.end()
    await server.shutDown()
    await server.restart()
  }

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
      return await isEncrypted(database)
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

  it('says what is wrong', async () => {
    const wrong = (change: (url: URL) => void, tls?: TlsChoice): Promise<boolean> => connect(change, tls)
    await assert.rejects(
      wrong((url) => (url.password = 'hunter2')),
      failsWith('wrong password', 'configuration'),
    )
    await assert.rejects(
      wrong((url) => (url.password = '')),
      failsWith('no password given', 'configuration'),
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

  it('uses certificates that were replaced at the next connection, and asks for the server name of the TLS settings', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-postgres-ca-'))
    const ca = path.join(folder, 'ca.crt')
    const cluster = path.join(dataDir, 'cluster')
    const replace = (): void => {
      const authority = new TestAuthority()
      const { certFile, keyFile } = authority.issue({ name: 'server', hosts: ['db.example'] })
      copyFileSync(authority.certFile, ca)
      install(certFile, path.join(cluster, 'server.crt'))
      install(keyFile, path.join(cluster, 'server.key'))
      authority.remove()
    }
    replace()
    await switchTls('on')
    const settings = new TlsSettings({ servername: 'db.example' }, { ca }, keptLog().log)
    const ask = (host: string): Database => {
      const url = new URL(server.address)
      url.hostname = host
      const connection = connectionConfig(url.href, 'verify', settings.options())
      return openDatabase(url.href, { connection, renewTls: settings.options })
    }
    const [byAddress, byName] = [ask('127.0.0.1'), ask('localhost')]
    try {
      assert.deepEqual([await isEncrypted(byAddress), await isEncrypted(byName)], [true, true])
      await server.shutDown()
      // Neither the file of before nor the server's old certificate is good any more.
      replace()
      await server.restart()
      for (const database of [byAddress, byName])
        await until('it is connected again', () => isEncrypted(database).catch(() => false))
    } finally {
      settings.close()
      await Promise.all([byAddress.close(0), byName.close(0)])
      await switchTls('off')
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('verifies the certificate, unless that is switched off by name', async () => {
    const cluster = path.join(dataDir, 'cluster')
    for (const file of ['server.crt', 'server.key'])
      install(path.join(TLS_FILES, file), path.join(cluster, file))
    await switchTls('on')
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

    // TLS settings that a user has chosen are not ignored, unless something says so by name.
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
