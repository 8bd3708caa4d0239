/** TLS as users set it up: Node-RED's own tls-config node, chosen in tenant-mqtt-broker. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectAsync } from 'mqtt'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { TestAuthority } from '../support/certificates'
import { helper, startRuntime, stopRuntime } from '../support/runtime'
import { SourceFlow } from '../support/source-flow'
import { until } from '../support/until'

const TLS = path.join(__dirname, '..', 'support', 'tls')
const AUTHORITY = path.join(TLS, 'server.crt')
const KEY = path.join(TLS, 'server.key')

describe('MQTT over TLS, from the editor', () => {
  let broker: Mosquitto
  let name = ''
  let securePort = 0

  before(startRuntime)
  after(stopRuntime)
  beforeEach(() => (name = `t${randomBytes(5).toString('hex')}`))
  afterEach(async () => {
    await helper.unload()
    await broker.stop()
  })

  async function startBroker(certificate: string, ...config: string[]): Promise<void> {
    securePort = await freePort()
    broker = await startMosquitto({
      savesEveryChange: false,
      config: [
        `listener ${securePort} 127.0.0.1`,
        `certfile ${path.join(TLS, certificate)}`,
        `keyfile ${KEY}`,
        ...config,
      ],
    })
  }

  function start(tls: object): Promise<SourceFlow> {
    const files = { cert: '', key: '', ca: AUTHORITY, verifyservercert: true, ...tls }
    return SourceFlow.start({
      url: `mqtts://127.0.0.1:${securePort}`,
      name,
      broker: { tls: 'tls' },
      more: [{ id: 'tls', type: 'tls-config', ...files }],
    })
  }

  async function carries(flow: SourceFlow): Promise<void> {
    await flow.untilConnected()
    const publisher = await connectAsync(broker.address)
    await publisher.publishAsync(`${name}/x`, 'a', { qos: 1 })
    await publisher.endAsync()
    await until('it has arrived', () => flow.payloads.includes('a'))
  }

  it('carries messages when the server can be verified', async () => {
    await startBroker('server.crt')
    await carries(await start({}))
  })

  it('shows its own certificate to a broker that asks for one', async () => {
    await startBroker('server.crt', `cafile ${AUTHORITY}`, 'require_certificate true')
    await carries(await start({ cert: AUTHORITY, key: KEY }))
  })

  for (const [what, certificate, tls, pattern] of [
    ['of an unknown authority', 'server.crt', { ca: '' }, /self-signed certificate/],
    ['that has expired', 'expired.crt', { ca: path.join(TLS, 'expired.crt') }, /certificate has expired/],
  ] as const) {
    it(`refuses a certificate ${what}, and says so`, async () => {
      await startBroker(certificate)
      const flow = await start(tls)
      await flow.untilLogged(pattern)
      await flow.untilText(/^MQTT: TLS: certificate or protocol$/)
      assert.equal(flow.status.fill, 'red')
      assert.equal(flow.log.length, 1)
    })
  }

  it('asks for the server name of the TLS settings, and uses certificates that were replaced at the next connection, without a deploy', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-mqtt-tls-'))
    const file = (end: string): string => path.join(folder, end)
    const issue = (): void => {
      const authority = new TestAuthority()
      const [server, client] = [
        authority.issue({ name: 'broker', hosts: ['broker.example'] }),
        authority.issue({ name: 'source' }),
      ]
      writeFileSync(file('ca.crt'), authority.cert)
      for (const [pair, who] of [
        [server, 'server'],
        [client, 'client'],
      ] as const) {
        writeFileSync(file(`${who}.crt`), pair.cert)
        writeFileSync(file(`${who}.key`), pair.key, { mode: 0o644 })
      }
      authority.remove()
    }
    try {
      chmodSync(folder, 0o755)
      issue()
      securePort = await freePort()
      broker = await startMosquitto({
        savesEveryChange: false,
        config: [
          `listener ${securePort} 127.0.0.1`,
          `cafile ${file('ca.crt')}`,
          `certfile ${file('server.crt')}`,
          `keyfile ${file('server.key')}`,
          'require_certificate true',
        ],
      })
      const flow = await start({
        cert: file('client.crt'),
        key: file('client.key'),
        ca: file('ca.crt'),
        servername: 'broker.example',
      })
      await flow.untilConnected()
      await broker.shutDown()
      await flow.untilText(/^MQTT: /)
      // Neither side trusts what the other one had.
      issue()
      await broker.restart()
      await carries(flow)
      assert.ok(!flow.log.some((line) => /TLS/.test(line)), String(flow.log))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('refuses TLS settings whose files cannot be read, instead of connecting without them', async () => {
    await startBroker('server.crt')
    const flow = await start({ ca: path.join(TLS, 'not-there.crt'), verifyservercert: false })
    await flow.untilText(/^check "tls"$/)
    assert.equal(flow.status.fill, 'red')
  })

  it('connects without verification when that is chosen', async () => {
    await startBroker('expired.crt')
    await carries(await start({ ca: '', verifyservercert: false }))
  })
})
