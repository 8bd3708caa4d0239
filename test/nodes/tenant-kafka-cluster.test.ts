import assert from 'node:assert/strict'
import path from 'node:path'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import { requireCluster, type ClusterNode } from '../../src/kafka/require-cluster'
import { helper, loadFlow, loggedCodes, startRuntime, stopRuntime } from '../support/runtime'

const TLS_FILES = path.join(__dirname, '..', 'support', 'tls')
const CLUSTER = { id: 'cluster', type: 'tenant-kafka-cluster' }
const tlsNode = {
  id: 'tls',
  type: 'tls-config',
  cert: '',
  key: '',
  ca: '',
  servername: 'kafka.example',
  verifyservercert: true,
}

async function load(config: object, credentials: Record<string, string> = {}): Promise<ClusterNode> {
  await loadFlow([tenantKafkaCluster], [tlsNode, { ...CLUSTER, ...config }], {
    cluster: credentials,
  })
  return helper.getNode('cluster') as ClusterNode
}

describe('tenant-kafka-cluster', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(async () => {
    delete process.env.TEST_KAFKA
    await helper.unload()
  })

  it('gives its users the cluster, and connects to nothing before one asks', async () => {
    process.env.TEST_KAFKA = 'kafka-1:9093, kafka-2'
    const node = await load({ brokers: '${TEST_KAFKA}' })
    const cluster = requireCluster(node)
    assert.deepEqual(cluster.connection, {
      brokers: ['kafka-1:9093', 'kafka-2:9092'],
      clientId: 'node-red',
      tls: undefined,
      sasl: undefined,
      connectionTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
    })
  })

  it('takes the password from the credentials, or from an environment variable', async () => {
    const credentials = { username: 'pipeline', password: 'secret' }
    const sasl = 'scram-sha-512'
    const node = await load({ brokers: 'kafka', sasl }, credentials)
    assert.deepEqual(node.cluster?.connection.sasl, { mechanism: sasl, ...credentials })
    await helper.unload()
    process.env.TEST_KAFKA = 'from outside'
    const other = await load({ brokers: 'kafka', sasl, passwordEnv: 'TEST_KAFKA' }, credentials)
    assert.deepEqual(other.cluster?.connection.sasl, {
      mechanism: sasl,
      username: 'pipeline',
      password: 'from outside',
    })
  })

  it("takes Node-RED's own TLS settings", async () => {
    const node = await load({ brokers: 'kafka', useTls: true, tls: 'tls' })
    assert.equal(node.cluster?.connection.tls?.servername, 'kafka.example')
    await helper.unload()
    const plain = await load({ brokers: 'kafka', useTls: true, tls: '' })
    assert.deepEqual(plain.cluster?.connection.tls, {})
  })

  it('warns of a client certificate that has expired', async () => {
    const [cert, key] = ['expired.crt', 'server.key'].map((file) => path.join(TLS_FILES, file))
    const tls = { ...tlsNode, cert, key }
    await loadFlow([tenantKafkaCluster], [tls, { ...CLUSTER, brokers: 'kafka', useTls: true, tls: 'tls' }])
    assert.deepEqual(loggedCodes('cluster'), ['TLS_EXPIRING'])
  })

  it('warns of a login without TLS, and of a secret that is sent without it', async () => {
    const credentials = { username: 'pipeline', password: 'secret' }
    const warnings = (node: ClusterNode): string[] =>
      (node as unknown as { warn: { args: { message: string }[][] } }).warn.args.map(
        ([it]) => it?.message ?? '',
      )
    const plain = await load({ brokers: 'kafka', sasl: 'plain' }, credentials)
    assert.match(String(warnings(plain)), /^SASL PLAIN without TLS: the password travels readable/)
    assert.deepEqual(loggedCodes('cluster'), ['KAFKA_READABLE'])
    await helper.unload()
    const safe = await load({ brokers: 'kafka', sasl: 'plain', useTls: true }, credentials)
    assert.deepEqual(warnings(safe), [])
    await helper.unload()
    const token = { sasl: 'oauthbearer', useTls: true, tokenUrl: 'http://login.example/token' }
    const bearer = await load({ brokers: 'kafka', ...token }, credentials)
    assert.match(String(warnings(bearer)), /^"tokenUrl" begins with http: the client secret/)
  })

  const wrong: readonly (readonly [string, object])[] = [
    ['no brokers', { brokers: '' }],
    ['a broker that is no address', { brokers: 'kafka:port' }],
    ['SASL without a user', { brokers: 'kafka', sasl: 'plain' }],
    ['OAUTHBEARER without an endpoint', { brokers: 'kafka', sasl: 'oauthbearer' }],
    ['a token URL that is none', { brokers: 'kafka', sasl: 'oauthbearer', tokenUrl: 'login.example' }],
    ['TLS settings that are gone', { brokers: 'kafka', useTls: true, tls: 'gone' }],
    ['a timeout out of bounds', { brokers: 'kafka', requestTimeoutMs: '1' }],
  ]
  for (const [what, config] of wrong) {
    it(`says what is wrong with ${what}, and Node-RED keeps running`, async () => {
      const node = await load(config)
      assert.equal(node.cluster, undefined)
      assert.throws(() => requireCluster(node), { code: 'CONFIG_INVALID', message: /expected|missing/ })
    })
  }

  it('is asked for when none is chosen', () => {
    assert.throws(() => requireCluster(null), { statusText: 'choose a Kafka cluster' })
  })
})
