/** Each client reaches each form of an address, and leaves the addresses of a name the time that was configured. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { parseBrokers, type KafkaConnection } from '../../../src/kafka/connection'
import { createKafkaJsClient } from '../../../src/kafka/drivers/kafkajs/client'
import { parseBrokerUrls, type BrokerUrl } from '../../../src/mqtt/connect/broker-settings'
import { dial } from '../../../src/mqtt/connect/dial'
import { connectionConfig } from '../../../src/postgres/connect/connection'
import { ServerChoice } from '../../../src/postgres/connect/server-choice'
import { serverClient } from '../../../src/postgres/connect/server-client'
import { nextAddressMs } from '../../../src/config/dialling'

const CONNECT_MS = 6000

/** What a client gives to its socket. */
interface Reached extends net.TcpNetConnectOpts {
  readonly path?: string
  readonly servername?: string
}

const { connect: connectForReal } = net.Socket.prototype as { connect: unknown }
let onReached: (place: Reached) => void = () => undefined

/** Every socket learns where to connect, and none does. */
function connectNowhere(this: net.Socket, ...given: unknown[]): net.Socket {
  const [target] = (Array.isArray(given[0]) ? given[0] : given) as [Reached | string]
  const { _tlsOptions: secure } = this as { _tlsOptions?: object }
  onReached({ ...secure, ...(typeof target === 'string' ? { path: target } : target) } as Reached)
  setImmediate(() => this.destroy(new Error('nowhere')))
  return this
}

async function reachedBy(start: () => { stop(): unknown }): Promise<Reached> {
  const reached = new Promise<Reached>((resolve) => (onReached = resolve))
  const client = start()
  try {
    return await reached
  } finally {
    await client.stop()
  }
}

const overMqtt = (address: string) => () => {
  const [url] = parseBrokerUrls(address) as [BrokerUrl]
  const client = dial(url, () => ({}), { connectTimeout: CONNECT_MS, reconnectPeriod: 0 })
  client.on('error', () => undefined)
  return { stop: () => client.end(true) }
}

const overKafka = (address: string, tls: KafkaConnection['tls'], renewTls?: () => object) => () => {
  const connection = {
    clientId: 'c',
    sasl: undefined,
    connectionTimeoutMs: CONNECT_MS,
    requestTimeoutMs: 1000,
  }
  const client = createKafkaJsClient(
    { ...connection, brokers: parseBrokers(address), tls, ...(renewTls && { renewTls }) },
    () => undefined,
  )
  const admin = client.kafka.admin()
  const given = admin.connect().catch(() => undefined)
  return { stop: () => given }
}

const overPostgres = (address: string) => () => {
  const { servers, ...config } = connectionConfig(address, 'auto')
  const choice = new ServerChoice(servers)
  const options = { config, servers: choice, connectTimeoutMs: CONNECT_MS, onConnected: () => undefined }
  const client = new (serverClient(options))()
  client.connect().catch(() => undefined)
  return { stop: () => client.end() }
}

const CLIENTS: Readonly<Record<string, (host: string) => () => { stop(): unknown }>> = {
  'mqtt://': (host) => overMqtt(`mqtt://${host}:7000`),
  'mqtts://': (host) => overMqtt(`mqtts://${host}:7000`),
  'ws://': (host) => overMqtt(`ws://${host}:7000/mqtt`),
  'wss://': (host) => overMqtt(`wss://${host}:7000/mqtt`),
  Kafka: (host) => overKafka(`${host}:7000`, undefined),
  'Kafka with TLS': (host) => overKafka(`${host}:7000`, {}),
  PostgreSQL: (host) => overPostgres(`postgres://w@${host}:7000/iot`),
}

describe('a connection', () => {
  before(() => (net.Socket.prototype.connect = connectNowhere as typeof net.Socket.prototype.connect))
  after(() => (net.Socket.prototype.connect = connectForReal as typeof net.Socket.prototype.connect))

  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const [host, reached] of [
      ['[::1]', '::1'],
      ['[fe80::1%25eth0]', 'fe80::1%eth0'],
      ['db_1.example.', 'db_1.example.'],
      ['bücher.example', 'xn--bcher-kva.example'],
    ] as const)
      it(`by ${name} goes to ${reached}`, async () => {
        const place = await reachedBy(client(host))
        assert.deepEqual([place.host, Number(place.port)], [reached, 7000])
        if (net.isIP(reached) === 0 && place.servername !== undefined)
          assert.equal(place.servername, reached.replace(/\.$/, ''))
      })

    it(`by ${name} gives each address of a name a share of the connect time`, async () => {
      const { autoSelectFamilyAttemptTimeout } = await reachedBy(client('dual.example'))
      assert.equal(autoSelectFamilyAttemptTimeout, nextAddressMs(CONNECT_MS))
    })
  }

  it('by Kafka with TLS, and by PostgreSQL, has the certificates of that moment', async () => {
    let asked = 0
    const renewTls = () => ({ servername: `name-${++asked}` })
    const kafka = overKafka('a:7000', {}, renewTls)
    assert.equal((await reachedBy(kafka)).servername, 'name-1')
    const { servers, ...config } = connectionConfig('postgres://w@a/iot?sslmode=no-verify', 'auto')
    const choice = new ServerChoice(servers)
    const shared = {
      config,
      servers: choice,
      connectTimeoutMs: CONNECT_MS,
      onConnected: () => undefined,
      renewTls,
    }
    const PostgresClient = serverClient(shared)
    const before = asked
    const clients = [new PostgresClient(), new PostgresClient()]
    assert.deepEqual(
      clients.map((client) => (client as unknown as { ssl: object }).ssl),
      [1, 2].map((more) => ({ servername: `name-${before + more}`, rejectUnauthorized: false })),
    )
  })

  it('to PostgreSQL goes through a Unix socket, without TLS', async () => {
    const { path } = await reachedBy(overPostgres('postgres://w@%2Frun%2Fpg:5433/iot?sslmode=require'))
    assert.equal(path, '/run/pg/.s.PGSQL.5433')
  })

  it('tries an address for longer than Node.js would, and never for longer than all of the connect time', () => {
    assert.deepEqual([500, 2000, 20_000].map(nextAddressMs), [250, 666, 6666])
  })
})
