import assert from 'node:assert/strict'
import {
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
} from 'kafkajs'
import { isOfConnection, translateKafkaError } from '../../../../../src/kafka/drivers/kafkajs/errors'
import { PipelineError } from '../../../../../src/wire/errors'

function protocolError(type: string): Error {
  return Object.assign(new KafkaJSProtocolError(new Error(`text of ${type}`)), { type })
}

const translate = (thrown: unknown): PipelineError =>
  translateKafkaError(thrown, 'writing to iot, partition 3')

describe('an error of kafkajs', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['MESSAGE_TOO_LARGE', 'KAFKA_RECORD_TOO_LARGE', false],
    ['RECORD_LIST_TOO_LARGE', 'KAFKA_RECORD_TOO_LARGE', false],
    ['INVALID_RECORD', 'KAFKA_INVALID_RECORD', false],
    ['INVALID_TIMESTAMP', 'KAFKA_INVALID_TIME', false],
    ['INVALID_TOPIC_EXCEPTION', 'KAFKA_INVALID_TOPIC', false],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'KAFKA_UNKNOWN_TOPIC', true],
    ['NOT_ENOUGH_REPLICAS', 'KAFKA_NOT_ENOUGH_REPLICAS', true],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'KAFKA_NOT_ENOUGH_REPLICAS', true],
    ['NOT_LEADER_FOR_PARTITION', 'KAFKA_NO_LEADER', true],
    ['REQUEST_TIMED_OUT', 'KAFKA_TIMED_OUT', true],
    ['TOPIC_AUTHORIZATION_FAILED', 'KAFKA_FORBIDDEN', true],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'KAFKA_PRODUCER_LOST', true],
    ['UNKNOWN_PRODUCER_ID', 'KAFKA_PRODUCER_LOST', true],
    ['SOMETHING_NEW', 'KAFKA_FAILED', true],
  ]
  for (const [type, code, retryable] of cases) {
    it(`${type} becomes ${code}, ${retryable ? 'to be tried again' : 'final'}`, () => {
      const error = translate(protocolError(type))
      assert.equal(error.code, code)
      assert.equal(error.retryable, retryable)
      assert.match(error.message, /^writing to iot, partition 3: /)
      assert.match(error.statusText, /^Kafka: /)
      assert.ok(error.statusText.length <= 40)
    })
  }

  it('that a broker is not connected yet is no reason for a new producer', () => {
    const error = translate(new KafkaJSNonRetriableError(new Error('Broker not connected')))
    assert.equal(error.code, 'KAFKA_UNREACHABLE')
    assert.equal(error.retryable, true)
  })

  it('concerns a whole request when the broker is away or silent, and one partition when the broker has answered', () => {
    const away = [
      new KafkaJSConnectionError('gone'),
      new KafkaJSRequestTimeoutError('late', {
        broker: 'b',
        clientId: 'c',
        correlationId: 1,
        createdAt: 0,
        sentAt: 0,
        pendingDuration: 0,
      }),
      new KafkaJSNonRetriableError(new Error('Broker not connected')),
    ]
    for (const error of away) {
      assert.equal(isOfConnection(error), true, error.name)
      assert.equal(
        isOfConnection(new KafkaJSNumberOfRetriesExceeded(error, { retryCount: 1, retryTime: 1 })),
        true,
      )
    }
    for (const [type] of cases) assert.equal(isOfConnection(protocolError(type)), false, type)
    assert.equal(isOfConnection(new TypeError('a record that cannot be encoded')), false)
  })

  it('is taken from the innermost error', () => {
    const inner = protocolError('MESSAGE_TOO_LARGE')
    const exceeded = new KafkaJSNumberOfRetriesExceeded(inner, { retryCount: 1, retryTime: 1 })
    const wrapped = Object.assign(new KafkaJSNonRetriableError(exceeded), { cause: exceeded })
    assert.equal(translate(wrapped).code, 'KAFKA_RECORD_TOO_LARGE')
  })

  it('is looked for in an aggregate too', () => {
    const aggregate = Object.assign(new Error('Topic creation errors'), {
      errors: [protocolError('POLICY_VIOLATION')],
    })
    assert.equal(translate(aggregate).code, 'KAFKA_TOPIC_NOT_CREATED')
  })

  it('says "wrong password" for a failed login', () => {
    const error = translate(
      Object.assign(new Error('SASL failed'), { name: 'KafkaJSSASLAuthenticationError' }),
    )
    assert.equal(error.code, 'KAFKA_AUTHENTICATION')
    assert.equal(error.statusText, 'Kafka: wrong password')
    assert.equal(error.retryable, true)
  })

  it('distinguishes TLS from an unreachable broker', () => {
    const connection = (code: string): Error =>
      Object.assign(new Error('Connection error'), { name: 'KafkaJSConnectionError', code })
    assert.equal(translate(connection('DEPTH_ZERO_SELF_SIGNED_CERT')).code, 'KAFKA_TLS')
    assert.equal(translate(connection('CERT_HAS_EXPIRED')).code, 'KAFKA_TLS')
    assert.equal(translate(connection('ECONNREFUSED')).code, 'KAFKA_UNREACHABLE')
  })

  it('asks for another compression where a service says that it knows no such format, as Azure Event Hubs does', () => {
    const error = translate(protocolError('UNSUPPORTED_FOR_MESSAGE_FORMAT'))
    assert.deepEqual([error.code, error.statusText], ['KAFKA_COMPRESSION', 'Kafka: compression refused'])
    assert.match(error.message, /choose another compression/)
    assert.equal(error.retryable, true)
  })

  it('stays as it is when it is ours', () => {
    const ours = new PipelineError('X', 'x', { retryable: false })
    assert.equal(translate(ours), ours)
  })

  it('takes anything that is thrown', () => {
    for (const thrown of [undefined, null, 'text', 7, {}]) {
      assert.equal(translate(thrown).code, 'KAFKA_FAILED')
    }
  })
})
