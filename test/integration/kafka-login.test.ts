/** Logins and TLS against a real broker: what works, and in which words a user hears of what does not. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import { requireCluster } from '../../src/kafka/require-cluster'
import { KafkaCluster } from '../../src/kafka/cluster'
import { PASSWORD_MECHANISMS, type KafkaConnection } from '../../src/kafka/connection'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { TenantProducer } from '../../src/kafka/produce/producer'
import type { PipelineError } from '../../src/wire/errors'
import { TlsSettings } from '../../src/config/tls-settings'
import { TestAuthority, type KeyPair } from '../support/certificates'
import { keptLog } from '../support/events'
import { createTestTopic, uniqueName } from '../support/kafka'
import { RecordingConsumer } from '../support/kafka-consumers'
import { helper, loadFlow, startRuntime, stopRuntime } from '../support/runtime'
import { passwordLogin, PASSWORD, securedKafka, USER, type SecuredKafka } from '../support/secured-kafka'
import { until } from '../support/until'

const record = { key: null, value: Buffer.from('x'), headers: {}, timestamp: Date.now() }
const silent = (): void => undefined

/** Writes one record. @returns its offset */
async function write(
  connection: KafkaConnection,
  topic: string,
  log: (text: string) => void = silent,
): Promise<number> {
  const driver = new KafkaJsDriver(connection, log)
  const producer = driver.producer({ compression: 'none', requestTimeoutMs: 5_000 })
  try {
    return await producer.send(topic, 0, [record])
  } finally {
    await producer.close()
  }
}

describe('a login to Kafka', () => {
  let kafka: SecuredKafka
  let topic: string
  const stranger = new TestAuthority('another authority')

  before(async () => {
    kafka = await securedKafka()
    topic = await createTestTopic(kafka.service.address)
  })
  after(() => stranger.remove())

  const identity = ({ cert, key }: KeyPair): Pick<KafkaConnection, 'tls'> => ({
    tls: { ca: kafka.authority.cert, cert, key },
  })

  for (const mechanism of PASSWORD_MECHANISMS) {
    for (const listener of ['LOGIN', 'LOGIN_TLS'] as const) {
      it(`succeeds by ${mechanism}, ${listener === 'LOGIN' ? 'without' : 'with'} TLS`, async () => {
        assert.ok((await write(kafka.connect(listener, passwordLogin(mechanism)), topic)) >= 0)
      })
    }
  }

  it('is not needed when TLS names the broker, and when it names both', async () => {
    assert.ok((await write(kafka.connect('SERVER_TLS'), topic)) >= 0)
    const mutual = kafka.connect('MUTUAL_TLS', identity(kafka.clientCertificate))
    assert.ok((await write(mutual, topic)) >= 0)
  })

  it('uses certificates that were replaced at the next connection', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-kafka-tls-'))
    const files = { cert: path.join(folder, 'cert'), key: path.join(folder, 'key') }
    const replace = ({ cert, key }: KeyPair): void => {
      writeFileSync(files.cert, cert)
      writeFileSync(files.key, key)
    }
    replace(kafka.clientCertificate)
    const settings = new TlsSettings({ ca: kafka.authority.cert }, files, keptLog().log)
    const connection = kafka.connect('MUTUAL_TLS', { renewTls: settings.options })
    const driver = new KafkaJsDriver(connection, silent)
    const producer = driver.producer({ compression: 'none', requestTimeoutMs: 5_000 })
    try {
      const offset = await producer.send(topic, 0, [record])
      replace(stranger.issue({ name: 'replaced' }))
      assert.equal(await producer.send(topic, 0, [record]), offset + 1, 'of a connection that stands')
      const failed = await write(connection, topic).catch((error: unknown) => error as PipelineError)
      assert.equal(
        typeof failed === 'number' ? failed : failed.statusText,
        'Kafka: client certificate refused',
      )
      replace(kafka.authority.issue({ name: USER }))
      assert.ok((await write(connection, topic)) > offset)
    } finally {
      settings.close()
      await producer.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('asks for the server name of the TLS settings', async () => {
    const tls = { ca: kafka.authority.cert, servername: 'other.example' }
    assert.ok((await write(kafka.connect('OTHER_HOST_TLS', { tls }), topic)) >= 0)
  })

  it('is made by consumers as well', async () => {
    const connection = kafka.connect('LOGIN_TLS', passwordLogin('scram-sha-512'))
    await write(connection, topic)
    const options = { groupId: uniqueName('group'), topics: [topic] }
    const reader = new RecordingConsumer(new KafkaJsDriver(connection, silent), options)
    await until(() => reader.values.includes('x'))
    await reader.close()
  })

  interface Refusal {
    readonly what: string
    readonly connection: () => KafkaConnection
    readonly code: string
    readonly status: string
    readonly message: RegExp
  }
  const refusals: Refusal[] = [
    ...PASSWORD_MECHANISMS.flatMap((mechanism): Refusal[] => [
      {
        what: `a wrong password (${mechanism})`,
        connection: () => kafka.connect('LOGIN', passwordLogin(mechanism, 'wrong-canary')),
        code: 'KAFKA_AUTHENTICATION',
        status: 'wrong password',
        message: /check user name and password$/,
      },
      {
        what: `an unknown user (${mechanism})`,
        connection: () => kafka.connect('LOGIN_TLS', passwordLogin(mechanism, PASSWORD, 'unknown')),
        code: 'KAFKA_AUTHENTICATION',
        status: 'wrong password',
        message: /check user name and password$/,
      },
    ]),
    {
      what: 'a mechanism that the broker does not offer',
      connection: () => kafka.connect('TOKEN', passwordLogin('plain')),
      code: 'KAFKA_AUTHENTICATION',
      status: 'login method not offered',
      message: /choose a SASL mechanism that this port of the broker offers$/,
    },
    {
      what: 'a login where none is expected',
      connection: () => ({
        ...kafka.connect('LOGIN', passwordLogin('plain')),
        brokers: [kafka.service.address],
      }),
      code: 'KAFKA_AUTHENTICATION',
      status: 'login not expected',
      message: /switch the login \(SASL\) off/,
    },
    {
      what: 'no login where one is expected',
      connection: () => kafka.connect('LOGIN'),
      code: 'KAFKA_UNREACHABLE',
      status: 'connection closed',
      message: /it wants a login \(SASL\) that is not configured$/,
    },
    {
      what: 'no TLS where the broker wants it',
      connection: () => kafka.connect('SERVER_TLS', { tls: undefined }),
      code: 'KAFKA_TLS',
      status: 'port speaks TLS only',
      message: /switch "Use TLS" on$/,
    },
    {
      what: 'a login without TLS where the broker wants it',
      connection: () => kafka.connect('LOGIN_TLS', { tls: undefined, ...passwordLogin('plain') }),
      code: 'KAFKA_TLS',
      status: 'port speaks TLS only',
      message: /switch "Use TLS" on$/,
    },
    {
      what: 'TLS where the broker speaks none',
      connection: () => ({ ...kafka.connect('SERVER_TLS'), brokers: [kafka.service.address] }),
      code: 'KAFKA_TLS',
      status: 'port does not speak TLS',
      message: /switch TLS off/,
    },
    {
      what: 'a certificate of an authority that is not trusted',
      connection: () => kafka.connect('SERVER_TLS', { tls: {} }),
      code: 'KAFKA_TLS',
      status: 'unknown certificate',
      message: /the certificate of the authority that issued the broker's$/,
    },
    {
      what: 'a certificate of another authority than the one we trust',
      connection: () => kafka.connect('SERVER_TLS', { tls: { ca: stranger.cert } }),
      code: 'KAFKA_TLS',
      status: 'unknown certificate',
      message: /the certificate of the authority that issued the broker's$/,
    },
    {
      what: 'an expired certificate',
      connection: () => kafka.connect('EXPIRED_TLS'),
      code: 'KAFKA_TLS',
      status: 'certificate expired',
      message: /renew the broker's certificate$/,
    },
    {
      what: 'a certificate of another host',
      connection: () => kafka.connect('OTHER_HOST_TLS'),
      code: 'KAFKA_TLS',
      status: 'certificate of another host',
      message: /127\.0\.0\.1 is not in the cert's list: use an address that the certificate names/,
    },
    {
      what: 'no client certificate where the broker wants one',
      connection: () => kafka.connect('MUTUAL_TLS'),
      code: 'KAFKA_TLS',
      status: 'client certificate refused',
      message: /choose TLS settings with a client certificate that the broker trusts/,
    },
    {
      what: 'a client certificate of an authority that the broker does not know',
      connection: () => kafka.connect('MUTUAL_TLS', identity(stranger.issue({ name: 'foreigner' }))),
      code: 'KAFKA_TLS',
      status: 'client certificate refused',
      message: /the broker ended the TLS handshake because of our certificate/,
    },
    {
      what: 'an expired client certificate',
      connection: () =>
        kafka.connect('MUTUAL_TLS', identity(kafka.authority.issue({ name: 'old', expired: true }))),
      code: 'KAFKA_TLS',
      status: 'client certificate refused',
      message: /that has not expired$/,
    },
  ]
  for (const { what, connection, code, status, message } of refusals) {
    it(`fails with ${what}, plainly and without a secret`, async () => {
      const said: string[] = []
      const error = (await write(connection(), topic, (text) => said.push(text)).catch(
        (thrown: unknown) => thrown,
      )) as PipelineError
      assert.deepEqual([error.code, error.statusText], [code, `Kafka: ${status}`])
      assert.ok(error.statusText.length <= 40)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n/)
      assert.equal(error.retryable, true)
      assert.doesNotMatch([error.message, error.stack, ...said].join('\n'), /canary|PRIVATE KEY/)
    })
  }

  it('that fails is tried again at a slowing pace, by producers and consumers', async () => {
    let failures = 0
    const wrong = kafka.connect('LOGIN', passwordLogin('plain', 'wrong'))
    const driver = new KafkaJsDriver(wrong, (text) => {
      if (/^kafkajs SaslAuthenticator/.test(text)) failures++
    })
    const startedAtMs = performance.now()
    const consumer = new RecordingConsumer(driver, { groupId: uniqueName('group'), topics: [topic] })
    const cluster = new KafkaCluster(wrong, driver)
    const producer = new TenantProducer(cluster, {
      topic,
      format: 'raw',
      compression: 'none',
      limits: { maxRecords: 500, maxBytes: 900_000, lingerMs: 5 },
      missingTopic: 'wait',
      maxNewTopics: 1,
      newTopic: { partitions: 1, replicas: 1, retentionMs: 1 },
      log: keptLog().log,
    })
    producer.start()
    await until(() => failures >= 10)
    // Five attempts of one of them at least, with 50, 100, 200 and 400 ms between them.
    assert.ok(performance.now() - startedAtMs > 750)
    assert.equal(producer.problem?.statusText, 'Kafka: wrong password')
    assert.equal(consumer.states.at(-1)?.statusText, 'Kafka: wrong password')
    await producer.close(0)
    await cluster.close(0)
    await consumer.close()
  })
})

describe('the TLS settings of Node-RED', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  const cluster = { id: 'cluster', type: 'tenant-kafka-cluster', useTls: true, tls: 'tls' }
  const tls = { id: 'tls', type: 'tls-config', cert: '', key: '', ca: '', verifyservercert: true }

  it('carry a client certificate to a broker that asks for one', async () => {
    const kafka = await securedKafka()
    const { cert: certdata, key: keydata } = kafka.clientCertificate
    await loadFlow(
      [tenantKafkaCluster],
      [tls, { ...cluster, brokers: kafka.service.addressOf('MUTUAL_TLS') }],
      { tls: { certdata, keydata, cadata: kafka.authority.cert } },
    )
    const { admin } = requireCluster(helper.getNode('cluster'))
    assert.match(await admin.clusterId(), /./)
  })

  it('are refused when they cannot be read, before anything connects', async () => {
    await loadFlow([tenantKafkaCluster], [tls, { ...cluster, brokers: 'kafka' }], {
      tls: { certdata: 'no certificate', keydata: 'canary', cadata: '' },
    })
    assert.throws(() => requireCluster(helper.getNode('cluster')), {
      code: 'CONFIG_INVALID',
      message: /^"tls" has a certificate or key that cannot be used \((?!.*canary)/,
    })
  })
})
