/** What *Test connection* finds at Kafka: real brokers, with a login and without, and services that are none. */
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { freePort } from '../../dev/services/free-port'
import { testCluster, type ClusterTest } from '../../src/kafka/cluster-test'
import type { KafkaConnection } from '../../src/kafka/connection'
import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import type { Check } from '../../src/runtime/checks'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { passwordLogin, PASSWORD, securedKafka, STRANGER } from '../support/secured-kafka'

const plain = (...brokers: string[]): KafkaConnection => ({
  brokers,
  clientId: 'test',
  tls: undefined,
  sasl: undefined,
  connectionTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
})

const test = (connection: KafkaConnection, more: Partial<ClusterTest> = {}): Promise<readonly Check[]> =>
  testCluster({
    connection,
    driver: (changed) => new KafkaJsDriver(changed, () => undefined),
    shown: (broker) => broker,
    topics: [],
    ...more,
  })
const codes = (checks: readonly Check[]): string[] => checks.map(({ code }) => code)
const ofTopic = (checks: readonly Check[], topic: string): string[] =>
  codes(checks.filter(({ values }) => values['topic'] === topic))

describe('the connection test of a Kafka cluster', () => {
  let brokers: string
  before(async () => {
    brokers = (await sharedKafka()).address
  })

  it('tells how many brokers there are, and what the settings of the topics of the flow mean', async () => {
    const missing = uniqueName('missing')
    const [day, compacted] = await Promise.all([
      createTestTopic(brokers, { partitions: 3, config: { 'retention.ms': '86400000' } }),
      createTestTopic(brokers, { config: { 'cleanup.policy': 'compact', 'retention.ms': '3600000' } }),
    ])
    const checks = await test(plain(brokers), {
      topics: [
        { topic: day, create: false },
        { topic: compacted, create: false },
        { topic: missing, create: false },
        { topic: `${missing}-2`, create: true },
      ],
    })
    assert.deepEqual(codes(checks).slice(0, 5), [
      ...['reached', 'anonymous', 'oneBroker', 'topicsListed', 'topicsNotCreated'],
    ])
    assert.deepEqual(ofTopic(checks, day), ['topicReady', 'oneReplica', 'retention'])
    assert.deepEqual(ofTopic(checks, compacted), ['topicReady', 'oneReplica', 'compacted', 'retentionShort'])
    assert.deepEqual(ofTopic(checks, missing), ['topicMissing'])
    assert.deepEqual(ofTopic(checks, `${missing}-2`), ['topicWillBeCreated'])
  })

  it('tries each address of the list', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    const checks = await test(plain(dead, brokers))
    assert.deepEqual(codes(checks).slice(0, 2), ['unreachable', 'reached'])
    assert.deepEqual(checks[0]?.values, { place: dead })
    assert.deepEqual(codes(await test(plain(dead))), ['unreachable'])
  })

  describe('at a service that is not Kafka', () => {
    let server: Server
    afterEach(() => void server.close())
    async function listen(answer: string | null | undefined): Promise<string> {
      server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.once('data', () => {
          if (answer === null) socket.resetAndDestroy()
          else if (answer !== undefined) socket.end(answer)
        })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return `127.0.0.1:${(server.address() as AddressInfo).port}`
    }

    for (const [what, answer, expected] of [
      ['closes', '', 'notKafka'],
      ['cuts the connection', null, 'notKafka'],
      ['is silent', undefined, 'noAnswer'],
    ] as const) {
      it(`that ${what}, says so`, async () => {
        assert.deepEqual(codes(await test(plain(await listen(answer)), { limitMs: 1_500 })), [expected])
      })
    }
  })

  describe('with a login', () => {
    it('says what is accepted, and what this user may not see', async () => {
      const kafka = await securedKafka()
      const topic = await createTestTopic(kafka.service.address)
      const topics = [{ topic, create: false }]
      const login = kafka.connect('LOGIN_TLS', passwordLogin('scram-sha-512'))
      const found = codes(await test(login, { topics }))
      for (const code of ['encrypted', 'loggedIn', 'topicReady']) assert.ok(found.includes(code), code)
      const stranger = kafka.connect('LOGIN_TLS', passwordLogin('plain', PASSWORD, STRANGER))
      const hidden = codes(await test(stranger, { topics }))
      for (const code of ['noTopicsVisible', 'topicsCreatedUnknown', 'topicsForbidden'])
        assert.ok(hidden.includes(code), `${code}: ${hidden.join()}`)
    })

    it('says which side to fix when login or TLS are refused, without the password', async () => {
      const kafka = await securedKafka()
      for (const [connection, expected] of [
        [kafka.connect('LOGIN', passwordLogin('plain', 'canary-wrong')), 'loginRefused'],
        [kafka.connect('LOGIN'), 'notKafka'],
        [kafka.connect('SERVER_TLS', passwordLogin('plain')), 'loginNotExpected'],
        [kafka.connect('LOGIN_TLS', { ...passwordLogin('plain'), tls: {} }), 'certificateUnknown'],
        [kafka.connect('LOGIN_TLS', { ...passwordLogin('plain'), tls: undefined }), 'wantsTls'],
        [kafka.connect('LOGIN', { ...passwordLogin('plain'), tls: {} }), 'noTls'],
        [kafka.connect('EXPIRED_TLS'), 'certificateExpired'],
        [kafka.connect('OTHER_HOST_TLS'), 'certificateOtherHost'],
      ] as const) {
        const checks = await test(connection)
        assert.deepEqual(codes(checks), [expected])
        assert.doesNotMatch(JSON.stringify(checks), /canary/)
      }
    })
  })
})
