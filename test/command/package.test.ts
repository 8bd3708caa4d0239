/** The program as a user gets it: the packed package, installed into an empty folder, without Node-RED. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readJson, ROOT } from '../support/package'

describe('npx tenant-pipeline', function () {
  this.timeout(180_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-package-'))
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }')
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' })) as {
      filename: string
    }[]
    const install = [
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      path.join(folder, packed?.filename ?? ''),
    ]
    execFileSync('npm', install, { cwd: folder, stdio: 'pipe' })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const run = (...args: readonly string[]): string =>
    execFileSync('npx', ['--no-install', 'tenant-pipeline', ...args], { cwd: folder, encoding: 'utf8' })

  it('runs in an empty folder, without Node-RED', () => {
    assert.ok(!existsSync(path.join(folder, 'node_modules/node-red')))
    const { version } = readJson('package.json') as { version: string }
    assert.equal(run('--version'), `${version}\n`)
    assert.match(run('--help'), /doctor .*tests every connection/)
  })

  it('has the words of its checks with it', () => {
    const KAFKA_BROKERS = '127.0.0.1:1'
    const env = { ...process.env, KAFKA_BROKERS, MQTT_URL: '', DATABASE_URL: '' }
    const doctor = ['--no-install', 'tenant-pipeline', 'doctor']
    assert.throws(
      () => execFileSync('npx', doctor, { cwd: folder, encoding: 'utf8', env, stdio: 'pipe' }),
      (error: { status?: number; stdout?: string }) =>
        error.status === 1 && /FAILED .* cannot be reached/.test(error.stdout ?? ''),
    )
  })
})
