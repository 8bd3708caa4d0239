import assert from 'node:assert/strict'
import { checkTls } from '../../../src/config/tls-settings'
import { connectionWarnings, parseBrokers } from '../../../src/kafka/connection'

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

describe('the warnings of a connection', () => {
  const user = { username: 'pipeline', password: 'canary' }
  const bearer = { mechanism: 'oauthbearer', token: () => Promise.resolve('canary') } as const

  it('are none without a login, and with TLS', () => {
    assert.deepEqual(connectionWarnings({ sasl: undefined, tls: undefined }), [])
    assert.deepEqual(connectionWarnings({ sasl: { mechanism: 'plain', ...user }, tls: {} }), [])
    assert.deepEqual(connectionWarnings({ sasl: bearer, tls: {} }), [])
  })

  it('say what can be read without TLS, and never a secret', () => {
    const warnings = [
      { mechanism: 'plain', ...user } as const,
      { mechanism: 'scram-sha-512', ...user } as const,
      bearer,
    ].flatMap((sasl) => connectionWarnings({ sasl, tls: undefined }))
    assert.deepEqual(warnings, [
      'SASL PLAIN without TLS: the password travels readable; switch "Use TLS" on',
      'SASL SCRAM-SHA-512 without TLS: the login is protected, the records are not; switch "Use TLS" on',
      'SASL OAUTHBEARER without TLS: the token travels readable; switch "Use TLS" on',
    ])
  })

  it('say that the token endpoint gets the secret readable', () => {
    const tokenUrl = 'http://login.example/token'
    const [warning] = connectionWarnings({ sasl: { ...bearer, tokenUrl }, tls: {} })
    assert.match(warning ?? '', /^"tokenUrl" begins with http/)
  })
})

describe('TLS settings', () => {
  it('are refused when their texts are no certificates', () => {
    checkTls({})
    assert.throws(() => checkTls({ cert: 'canary', key: 'canary' }), {
      code: 'CONFIG_INVALID',
      statusText: 'check "tls"',
      message: /^"tls" has a certificate or key that cannot be used \((?!.*canary)/,
    })
  })
})
