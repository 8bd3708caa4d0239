/** M13: the certificates of broker and source are replaced while both run. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../dev/services/free-port'
import { TestAuthority } from '../support/certificates'
import { faultRow } from './row'
import { Stage } from './stage'

const SOURCE = 'tenant-mqtt-source'

describe('faults of the certificates', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-fault-tls-'))
  const file = (name: string): string => path.join(folder, name)
  let stage: Stage

  /** A new authority, and what it issues, in the files of before: neither side trusts what the other one had. */
  function replaceCertificates(): void {
    const authority = new TestAuthority()
    writeFileSync(file('ca.crt'), authority.cert)
    for (const name of ['server', 'client']) {
      const { cert, key } = authority.issue({ name })
      writeFileSync(file(`${name}.crt`), cert)
      writeFileSync(file(`${name}.key`), key)
    }
    authority.remove()
  }

  before(async () => {
    // Mosquitto reads them as a user of its own.
    chmodSync(folder, 0o755)
    replaceCertificates()
    const port = await freePort()
    stage = await Stage.start({
      mqtt: {
        config: [
          `listener ${port} 127.0.0.1`,
          `cafile ${file('ca.crt')}`,
          `certfile ${file('server.crt')}`,
          `keyfile ${file('server.key')}`,
          'require_certificate true',
        ],
      },
      mqttUrl: `mqtts://127.0.0.1:${port}`,
      change: { 'tenant-mqtt-broker': { tls: 'tls' } },
      more: [
        {
          id: 'tls',
          type: 'tls-config',
          cert: file('client.crt'),
          key: file('client.key'),
          ca: file('ca.crt'),
          verifyservercert: true,
        },
      ],
    })
  })
  after(async () => {
    await stage?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  faultRow(
    { id: 'M13', title: 'certificates replaced while it runs, of broker and source', repeats: 'window' },
    () => stage,
    async () => {
      replaceCertificates()
      await stage.mqtt.shutDown()
      await stage.untilStatus(SOURCE, 'is red', ({ fill }) => fill === 'red')
      await stage.mqtt.restart()
      await stage.untilGreen(SOURCE)
    },
  )
})
