import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { TlsSettings, tlsSettings, type TlsRuntime } from '../../../src/config/tls-settings'
import { TestAuthority, type KeyPair } from '../../support/certificates'

const DAY_MS = 86_400_000

describe('TLS settings', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-tls-'))
  const files = { cert: path.join(folder, 'client.crt'), key: path.join(folder, 'client.key') }
  let authority: TestAuthority
  let first: KeyPair
  let second: KeyPair
  let said: string[]
  const log = { note: (code: string, message: string) => void said.push(`${code} ${message}`) }
  const open: TlsSettings[] = []

  before(() => {
    authority = new TestAuthority()
    first = authority.issue({ name: 'first' })
    second = authority.issue({ name: 'second' })
  })
  after(() => {
    authority.remove()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    said = []
    write(first)
  })
  afterEach(() => open.splice(0).forEach((settings) => settings.close()))

  function write({ certFile, keyFile }: Pick<KeyPair, 'certFile' | 'keyFile'>): void {
    copyFileSync(certFile, files.cert)
    copyFileSync(keyFile, files.key)
  }

  /** As Node-RED's `tls-config` has read them when it was deployed. */
  function start(now?: () => number): TlsSettings {
    const settings = new TlsSettings({ cert: first.cert, key: first.key, servername: 's' }, files, log, now)
    open.push(settings)
    return settings
  }

  const isUsed = (settings: TlsSettings, { cert, key }: KeyPair): void => {
    const { cert: usedCert, key: usedKey, servername } = settings.options()
    assert.deepEqual(
      [String(usedCert), (usedKey as Buffer | string).toString(), servername],
      [cert, key, 's'],
    )
  }

  it('are those that are on disk when a connection is made', () => {
    const settings = start()
    isUsed(settings, first)
    write(second)
    isUsed(settings, second)
  })

  it('stay as they were while files are missing, or do not belong together yet', () => {
    const settings = start()
    copyFileSync(second.certFile, files.cert)
    isUsed(settings, first)
    rmSync(files.key)
    isUsed(settings, first)
    writeFileSync(files.key, 'half of a')
    isUsed(settings, first)
    write(second)
    isUsed(settings, second)
  })

  it('say once that a certificate expires, and again when it was not renewed in time', () => {
    let now = Date.now()
    const settings = start(() => now)
    settings.options()
    assert.deepEqual(said, [])
    now += 17 * DAY_MS
    settings.options()
    settings.options()
    assert.equal(said.length, 1)
    assert.match(
      said[0] ?? '',
      /^TLS_EXPIRING the client certificate .* expires at 20.*client\.crt.*without a deploy$/,
    )
    write(second)
    settings.options()
    assert.equal(
      said.length,
      1,
      'a renewed one is not announced as long as more than 10 % of its life is left',
    )
    now += 20 * DAY_MS
    settings.options()
    assert.match(said[1] ?? '', /has expired at/)
  })

  it('are refused where files cannot be read, or what is in them cannot be used', () => {
    const runtime = (node: object | null): TlsRuntime => ({
      nodes: { getNode: () => node, eachNode: () => undefined },
      util: { getSetting: () => undefined },
    })
    const refused = { code: 'CONFIG_INVALID', statusText: 'check "tls"' }
    const withText = { valid: true, addTLSOptions: () => ({ cert: 'canary', key: 'canary' }) }
    for (const node of [null, { valid: false, addTLSOptions: () => ({}) }, withText])
      assert.throws(() => tlsSettings(runtime(node), 'tls', log), refused)
    assert.equal(tlsSettings(runtime(null), '', log), undefined)
  })

  it('read the files that the flow names, also by an environment variable', () => {
    const config = { id: 'tls', cert: '${CERT}', key: files.key, ca: '' }
    const runtime: TlsRuntime = {
      nodes: {
        getNode: () => ({
          valid: true,
          addTLSOptions: () => ({ cert: first.cert, key: first.key, servername: 's' }),
        }),
        eachNode: (callback) => callback(config),
      },
      util: { getSetting: (_node, name) => (name === 'CERT' ? files.cert : undefined) },
    }
    const settings = tlsSettings(runtime, 'tls', log) as TlsSettings
    open.push(settings)
    write(second)
    isUsed(settings, second)
  })
})
