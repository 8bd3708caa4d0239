/** What *Test connection* finds at MQTT brokers: real ones, one that grants little, and services that are none. */
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { parseBrokerUrls, type BrokerSettings } from '../../src/mqtt/connect/broker-settings'
import { testBroker } from '../../src/mqtt/connect/broker-test'
import type { Check } from '../../src/runtime/checks'
import { startScriptedBroker } from '../support/scripted-broker'
import { until } from '../support/until'

const TLS = path.join(__dirname, '..', 'support', 'tls')

describe('the connection test of an MQTT broker', () => {
  let mosquitto: Mosquitto
  let securePort: number
  before(async () => {
    securePort = await freePort()
    mosquitto = await startMosquitto({
      savesEveryChange: false,
      user: { name: 'pipeline', password: 'right' },
      config: [
        'log_type all',
        `listener ${securePort} 127.0.0.1`,
        `certfile ${path.join(TLS, 'server.crt')}`,
        `keyfile ${path.join(TLS, 'server.key')}`,
      ],
    })
  })
  after(() => mosquitto.stop())

  const login = { username: 'pipeline', password: 'right' }
  const test = (url: string, settings: Partial<BrokerSettings> = {}): Promise<readonly Check[]> =>
    testBroker({
      settings: {
        urls: parseBrokerUrls(url),
        clientId: 'c',
        protocol: 'auto',
        keepAliveSeconds: 60,
        sessionExpirySeconds: 3600,
        queueMessages: 1000,
        cleanSession: false,
        safe: true,
        ...settings,
      },
      shown: ({ host }) => host,
      limitMs: 2_000,
    })
  const codes = (checks: readonly Check[]): string[] => checks.map(({ code }) => code)
  const valuesOf = (checks: readonly Check[], code: string): Check['values'] | undefined =>
    checks.find((check) => check.code === code)?.values

  it('tells what a broker of MQTT 5 grants, and what no broker tells', async () => {
    const checks = await test(mosquitto.address, login)
    assert.deepEqual(
      codes(checks).filter((code) => code !== 'packetSize'),
      [
        'reached',
        'loggedIn',
        'version5',
        'sessionKept',
        'window',
        'sharedSubscriptions',
        'queue',
        'ownSession',
      ],
    )
    assert.deepEqual(valuesOf(checks, 'sessionKept'), { granted: 3600 })
    assert.deepEqual(valuesOf(checks, 'queue'), {
      expected: 1000,
      setting: 'max_queued_messages (mosquitto.conf)',
    })
  })

  it('has a client ID of its own, and leaves no session', async () => {
    await test(mosquitto.address, { ...login, clientId: 'other' })
    await until('the broker has noticed its end', () =>
      /Client other-test-[0-9a-f]{6}.* disconnected/.test(mosquitto.readLog()),
    )
    assert.match(mosquitto.readLog(), /Received DISCONNECT from other-test-/)
    assert.doesNotMatch(mosquitto.readLog(), / as other \(/)
  })

  for (const [what, settings, expected] of [
    ['a wrong password', { ...login, password: 'wrong' }, 'notAuthorized'],
    ['no login', {}, 'notAuthorized'],
  ] as const) {
    it(`says that ${what} is refused`, async () => {
      for (const protocol of ['auto', '3.1.1'] as const) {
        const checks = await test(mosquitto.address, { ...settings, protocol })
        assert.deepEqual(codes(checks), [expected])
        assert.doesNotMatch(JSON.stringify(checks), /wrong|right/)
      }
    })
  }

  it('tells less in MQTT 3.1.1, and says what is unknown', async () => {
    assert.deepEqual(codes(await test(mosquitto.address, { ...login, protocol: '3.1.1' })), [
      ...['reached', 'loggedIn', 'version3', 'sessionUnknown', 'windowUnknown', 'queue', 'ownSession'],
    ])
  })

  it('tries an encrypted port, and says what is wrong with its certificate', async () => {
    const url = `mqtts://127.0.0.1:${securePort}`
    assert.deepEqual(codes(await test(url, login)), ['certificateUnknown'])
    const unverified = await test(url, { ...login, tls: { rejectUnauthorized: false } })
    assert.deepEqual(codes(unverified).slice(0, 3), ['reached', 'unverified', 'loggedIn'])
    assert.deepEqual(codes(await test(`mqtts://127.0.0.1:${mosquitto.port}`, login)), ['noTls'])
    assert.deepEqual(codes(await test(`mqtt://127.0.0.1:${securePort}`, login)), ['notMqtt'])
  })

  it('tests each address, and tells what the one that answers grants', async () => {
    const dead = await freePort()
    const checks = await test(`mqtt://127.0.0.1:${dead},${mosquitto.address}`, login)
    assert.deepEqual(codes(checks).slice(0, 2), ['unreachable', 'reached'])
    assert.equal(checks[0]?.values['place'], `127.0.0.1:${dead}`)
    const none = await test(`mqtt://127.0.0.1:${dead}`)
    assert.deepEqual(codes(none), ['unreachable'])
  })

  it('warns of what a broker grants less than was asked for', async () => {
    const properties = {
      sessionExpiryInterval: 60,
      sharedSubscriptionAvailable: false,
      wildcardSubscriptionAvailable: false,
      maximumQoS: 1,
      maximumPacketSize: 5000,
    }
    const broker = await startScriptedBroker({ connack: { properties } })
    try {
      const checks = await test(broker.address)
      assert.deepEqual(valuesOf(checks, 'sessionShorter'), { granted: 60, asked: 3600 })
      assert.deepEqual(valuesOf(checks, 'packetSize'), { bytes: 5000 })
      for (const code of ['anonymous', 'noSharedSubscriptions', 'noWildcards', 'noQos2'])
        assert.ok(codes(checks).includes(code), code)
    } finally {
      await broker.stop()
    }
  })

  describe('at a service that is no broker', () => {
    let server: Server
    afterEach(() => void server.close())
    async function listen(answer: (socket: Socket) => void): Promise<string> {
      server = createServer((socket) => {
        socket.on('error', () => undefined)
        answer(socket)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
    }

    it('says so when it closes, or answers something else', async () => {
      const closing = await listen((socket) => socket.once('data', () => socket.end()))
      assert.deepEqual(codes(await test(closing)), ['notMqtt'])
      server.close()
      const other = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
      assert.deepEqual(codes(await test(other)), ['notMqtt'])
    })

    it('says that it has not answered when it is silent', async () => {
      const silent = await listen(() => undefined)
      assert.deepEqual(codes(await test(silent)), ['noAnswer'])
    })
  })
})
