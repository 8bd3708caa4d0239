import assert from 'node:assert/strict'
import { parseBrokers } from '../../../src/kafka/connection'

describe('the addresses of brokers', () => {
  it('are separated by commas, and the port is 9092 unless given', () => {
    assert.deepEqual(parseBrokers(' kafka-1:9093, kafka-2 ,,10.0.0.3:19092'), [
      'kafka-1:9093',
      'kafka-2:9092',
      '10.0.0.3:19092',
    ])
  })

  for (const bad of [
    '',
    ' , ',
    'kafka:0',
    'kafka:65536',
    'kafka:port',
    'PLAINTEXT://kafka:9092',
    'a b:9092',
  ]) {
    it(`refuses "${bad}" with a sentence`, () => {
      assert.throws(() => parseBrokers(bad), {
        code: 'CONFIG_INVALID',
        retryable: false,
        message: /expected/,
      })
    })
  }
})
