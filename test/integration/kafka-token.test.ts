/** OAUTHBEARER against a real broker and a real token endpoint: login, renewal of sessions, and what can be wrong. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import { requireCluster } from '../../src/kafka/require-cluster'
import type { KafkaConnection, TokenSource } from '../../src/kafka/connection'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { clientCredentials } from '../../src/kafka/token-endpoint'
import type { PipelineError } from '../../src/wire/errors'
import { createTestTopic, uniqueName } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { numbered, RecordingConsumer } from '../support/kafka-consumers'
import { helper, loadFlow, startRuntime, stopRuntime } from '../support/runtime'
import { SCOPE, securedKafka, SESSION_MS, USER, type SecuredKafka } from '../support/secured-kafka'
import { startTokenEndpoint, unsignedToken, type TestTokenEndpoint } from '../support/token-endpoint'
import { until } from '../support/until'

const CLIENT = { id: USER, secret: 'canary-secret' }
const silent = (): void => undefined
const record = (value: string) => ({
  key: null,
  value: Buffer.from(value),
  headers: {},
  timestamp: Date.now(),
})

describe('a login to Kafka by token', () => {
  let kafka: SecuredKafka
  let endpoint: TestTokenEndpoint
  let topic: string

  before(async () => {
    kafka = await securedKafka()
    await startRuntime()
  })
  beforeEach(async () => {
    endpoint = await startTokenEndpoint(CLIENT)
    topic = await createTestTopic(kafka.service.address)
  })
  afterEach(async () => {
    await helper.unload()
    await endpoint.stop()
  })
  after(stopRuntime)

  const withToken = (token: TokenSource): KafkaConnection =>
    kafka.connect('TOKEN', { sasl: { mechanism: 'oauthbearer', token } })
  const fromEndpoint = (scope = SCOPE): TokenSource =>
    clientCredentials({
      url: endpoint.url,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      scope,
      timeoutMs: 2_000,
    })

  async function failure(token: TokenSource): Promise<PipelineError> {
    const said: string[] = []
    const admin = new KafkaJsDriver(withToken(token), (text) => said.push(text)).admin()
    const error = (await admin.clusterId().catch((thrown: unknown) => thrown)) as PipelineError
    await admin.close()
    assert.equal(error.retryable, true)
    assert.doesNotMatch([error.message, error.stack, ...said].join('\n'), /canary|eyJ/)
    return error
  }

  it('is configured in the cluster node, with its secret in an environment variable', async () => {
    process.env.TEST_KAFKA_SECRET = CLIENT.secret
    try {
      const cluster = {
        id: 'cluster',
        type: 'tenant-kafka-cluster',
        brokers: kafka.service.addressOf('TOKEN'),
        sasl: 'oauthbearer',
        passwordEnv: 'TEST_KAFKA_SECRET',
        tokenUrl: endpoint.url,
        tokenScope: SCOPE,
      }
      await loadFlow([tenantKafkaCluster], [cluster], { cluster: { username: CLIENT.id } })
      const { admin } = requireCluster(helper.getNode('cluster'))
      assert.match(await admin.clusterId(), /./)
      assert.equal(endpoint.asked[0]?.get('scope'), SCOPE)
    } finally {
      delete process.env.TEST_KAFKA_SECRET
    }
  })

  it('is renewed before the session ends: nothing fails, nothing is lost or repeated', async () => {
    let asked = 0
    const kept = fromEndpoint()
    const connection = withToken(() => {
      asked++
      return kept()
    })
    const said: string[] = []
    const driver = new KafkaJsDriver(connection, (text) => said.push(text))
    const reader = new RecordingConsumer(driver, { groupId: uniqueName('group'), topics: [topic] })
    await until(() => reader.joins === 1)
    reader.states.length = 0
    const producer = driver.producer({ compression: 'none', requestTimeoutMs: 5_000 })
    const idle = driver.admin()
    await idle.clusterId()
    let count = 0
    const startedAtMs = performance.now()
    // Long enough for every connection to log in three times.
    while (performance.now() - startedAtMs < 2 * SESSION_MS) {
      await producer.send(topic, 0, [record(String(count++))])
      await sleep(5)
    }
    await until(() => reader.count === count)
    // Its session has been over for a while.
    assert.match(await idle.clusterId(), /./)
    await Promise.all([producer.close(), reader.close(), idle.close()])
    const expected = numbered(count)
    assert.deepEqual(
      (await readTopic(kafka.service.address, topic)).map(({ value }) => String(value)),
      expected,
    )
    assert.deepEqual(reader.values, expected)
    assert.equal(reader.joins, 1)
    assert.deepEqual(reader.states, [])
    assert.equal(endpoint.asked.length, 1)
    assert.ok(asked >= 8, `${asked} logins`)
  })

  it('is refused by the broker with a reason', async () => {
    const scope = await failure(fromEndpoint(''))
    assert.equal(scope.code, 'KAFKA_AUTHENTICATION')
    assert.equal(scope.statusText, 'Kafka: token refused by broker')
    assert.match(scope.message, /insufficient_scope/)
    const expired = await failure(() => Promise.resolve(unsignedToken({ sub: USER, scope: SCOPE }, -60)))
    assert.match(expired.message, /the broker refuses the token: invalid_token; check its scope/)
  })

  it('waits for an endpoint that is down, and continues when it is back', async () => {
    endpoint.answer = { status: 503, body: 'canary' }
    const token = fromEndpoint()
    assert.equal((await failure(token)).code, 'KAFKA_TOKEN_UNREACHABLE')
    const reader = new RecordingConsumer(new KafkaJsDriver(withToken(token), silent), {
      groupId: uniqueName('group'),
      topics: [topic],
    })
    await until(() => reader.states.at(-1)?.statusText === 'Kafka: token endpoint fails')
    endpoint.answer = undefined
    await until(() => reader.joins === 1)
    assert.equal(reader.states.at(-1), undefined)
    await reader.close()
  })

  it('says what a token function of another package throws', async () => {
    const error = await failure(() => Promise.reject(new Error('no token today')))
    assert.match(error.message, /no token today/)
  })
})
