/** `npm start` as a user runs it: three times in the same folder, killed once, and with Ctrl-C at the end. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PROJECT_ROOT } from '../../dev/project'
import { freePort, isPortFree } from '../../dev/services/free-port'
import { until } from '../support/until'

describe('npm start', function () {
  this.timeout(240_000)
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-start-'))
  let ports: Record<'port' | 'mqtt-port' | 'kafka-port' | 'database-port', number>
  let child: ChildProcess
  let output = ''

  before(async () => {
    ports = {
      port: await freePort(),
      'mqtt-port': await freePort(),
      'kafka-port': await freePort(),
      'database-port': await freePort(),
    }
  })

  beforeEach(async () => {
    output = ''
    const given = Object.entries(ports).flatMap(([name, port]) => [`--${name}`, String(port)])
    const args = ['start', '--', '--rate', '1000', '--data', folder, ...given]
    const env = { ...process.env, MQTT_URL: '', KAFKA_BROKERS: '', DATABASE_URL: '' }
    child = spawn('npm', args, { cwd: PROJECT_ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await until(
      () => `npm start is ready:\n${output}`,
      () => /^ready editor=\S+ mqtt=\S+ kafka=\S+ database=\S+$/m.test(output),
      { giveUpMs: 180_000 },
    )
  })

  /** Sends a signal to everything that the terminal would send it to. */
  function signalGroup(signal: NodeJS.Signals): void {
    process.kill(-(child.pid as number), signal)
  }

  async function assertPortsAreFree(): Promise<void> {
    for (const [name, port] of Object.entries(ports))
      await until(`${name} ${port} is free`, () => isPortFree(port))
  }

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('leaves no process behind when it is killed', async () => {
    const exited = once(child, 'exit')
    signalGroup('SIGKILL')
    await exited
    await assertPortsAreFree()
  })

  for (const time of ['first', 'second']) {
    it(`stores every message once and says so at the end, the ${time} time after it was killed`, async () => {
      await until('messages are stored', () => /stored [1-9]\d*,\d{3} /.test(output))
      const exited = once(child, 'exit')
      signalGroup('SIGINT')
      const [code] = (await exited) as [number | null]
      const [, published, stored] =
        /^published ([\d,]+), stored ([\d,]+), duplicates 0, missing 0$/m.exec(output) ?? []
      assert.ok(Number(published?.replaceAll(',', '')) > 1000, output)
      assert.equal(stored, published, output)
      assert.equal(code, 0, output)
      await assertPortsAreFree()
    })
  }
})
