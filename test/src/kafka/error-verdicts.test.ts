import assert from 'node:assert/strict'
import { kafkaError, noLeader, refusal, UNREACHABLE, verdictOn } from '../../../src/kafka/error-verdicts'

/** What makes a dead letter: nothing else than these can. */
const OF_THE_RECORD = {
  INVALID_TOPIC_EXCEPTION: 'KAFKA_INVALID_TOPIC',
  MESSAGE_TOO_LARGE: 'KAFKA_RECORD_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'KAFKA_RECORD_TOO_LARGE',
  INVALID_RECORD: 'KAFKA_INVALID_RECORD',
  INVALID_TIMESTAMP: 'KAFKA_INVALID_TIME',
}
/** What brokers and operators repair. */
const PASSING = {
  NOT_LEADER_FOR_PARTITION: 'KAFKA_NO_LEADER',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'KAFKA_NOT_ENOUGH_REPLICAS',
  REQUEST_TIMED_OUT: 'KAFKA_TIMED_OUT',
  UNKNOWN_TOPIC_OR_PARTITION: 'KAFKA_UNKNOWN_TOPIC',
  TOPIC_AUTHORIZATION_FAILED: 'KAFKA_FORBIDDEN',
  SASL_AUTHENTICATION_FAILED: 'KAFKA_AUTHENTICATION',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'KAFKA_PRODUCER_LOST',
  POLICY_VIOLATION: 'KAFKA_TOPIC_NOT_CREATED',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'KAFKA_COMPRESSION',
  AN_ERROR_OF_A_LATER_KAFKA: 'KAFKA_FAILED',
}

describe('an error that a broker has answered', () => {
  for (const [type, code] of Object.entries({ ...OF_THE_RECORD, ...PASSING })) {
    const isFinal = type in OF_THE_RECORD
    it(`${type} is ${code}, and ${isFinal ? 'final' : 'worth another attempt'}`, () => {
      const error = refusal({ type, message: 'no' }, 'writing')
      assert.deepEqual([error.code, error.retryable], [code, !isFinal])
    })
  }

  it('without a name, or with one that is not in the table, has no verdict', () => {
    assert.equal(verdictOn(undefined), undefined)
    assert.equal(verdictOn('AN_ERROR_OF_A_LATER_KAFKA'), undefined)
  })

  it('says on one line what was done, what the broker said and what to do', () => {
    const { message, statusText } = refusal(
      { type: 'MESSAGE_TOO_LARGE', message: 'too\n large. ' },
      'writing to a',
    )
    assert.match(
      message,
      /^writing to a: too large \(MESSAGE_TOO_LARGE\): raise the topic's max\.message\.bytes/,
    )
    assert.equal(statusText, 'Kafka: record too large')
  })

  it('has the words of the verdict where these are better, and keeps its cause', () => {
    const cause = new Error('ECONNREFUSED')
    const error = kafkaError({ ...UNREACHABLE, reason: 'nothing listens there' }, cause, 'connecting', cause)
    assert.match(error.message, /^connecting: nothing listens there: check the address/)
    assert.equal(error.cause, cause)
  })

  it('names the partitions that have no leader', () => {
    const error = noLeader([{ topic: 'a', partition: 3 }])
    assert.match(error.message, /^No leader answers for .*a.*3.*: a broker is down or starting/)
    assert.equal(error.retryable, true)
  })
})
