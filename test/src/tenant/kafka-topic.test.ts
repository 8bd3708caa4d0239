import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KAFKA_TOPIC, kafkaTopicProblem } from '../../../src/tenant/kafka-topic'
import { BUILT_IN, NAUGHTY } from '../../poison/naughty-strings'

describe('a Kafka topic', () => {
  it('has 1 to 249 letters, digits, dots, underscores and dashes', () => {
    for (const topic of ['a', 'iot-messages', 'acme.north', 'A_b.c-9', '_acme', 'x'.repeat(249)]) {
      assert.equal(kafkaTopicProblem(topic), undefined)
    }
    for (const topic of ['', '.', '..', 'a b', 'a/b', 'é', 'a\0', 'a\n', 'x'.repeat(250)]) {
      assert.equal(typeof kafkaTopicProblem(topic), 'string', JSON.stringify(topic))
    }
  })

  it('is none of Kafka itself, and none that a consumer with a pattern leaves out', () => {
    for (const topic of ['__consumer_offsets', '__acme', '__']) {
      assert.match(kafkaTopicProblem(topic) ?? '', /begins with "__"/)
    }
  })

  it('never has a name that a plain object has already', () => {
    for (const topic of BUILT_IN) {
      assert.match(kafkaTopicProblem(topic) ?? '', /every JavaScript object has/, topic)
    }
  })

  it('is accepted by the expression of the options and by the sentence alike', () => {
    const builtIn = fc.constantFrom(...BUILT_IN, ...NAUGHTY)
    const topic = fc.stringMatching(/^[a-z._-]{0,4}$/)
    fc.assert(
      fc.property(fc.oneof(builtIn, topic, fc.string()), (name) => {
        assert.equal(KAFKA_TOPIC.test(name), kafkaTopicProblem(name) === undefined, name)
      }),
    )
  })
})
