import assert from 'node:assert/strict'
import { connectionError, refusedWith } from '../../../../src/mqtt/connect/refusals'

describe('what went wrong with a broker', () => {
  for (const [code, status] of [
    [4, 'MQTT: wrong user or password'],
    [134, 'MQTT: wrong user or password'],
    [133, 'MQTT: client ID refused'],
    [255, 'MQTT: refused by the broker'],
  ] as const) {
    it(`is put into words for reason ${code}`, () => {
      const error = refusedWith(code, 'h:1')
      assert.equal(error.statusText, status)
      assert.match(error.message, /h:1/)
      assert.equal(error.retryable, true)
    })
  }

  for (const [thrown, status] of [
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'MQTT: not reachable'],
    [
      new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })], ''),
      'MQTT: not reachable',
    ],
    [Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'MQTT: host not found'],
    [
      Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      'MQTT: TLS: certificate or protocol',
    ],
    [new Error('connack timeout'), 'MQTT: no answer'],
    [new Error('Keepalive timeout'), 'MQTT: no answer'],
    [Object.assign(new Error('Connection refused: Not authorized'), { code: 5 }), 'MQTT: not authorised'],
    [new Error('something'), 'MQTT: connection failed'],
  ] as const) {
    it(`is put into words for ${thrown.message || 'several addresses'} (${status})`, () => {
      const error = connectionError(thrown, 'h:1')
      assert.equal(error.statusText, status)
      assert.equal(error.cause, thrown)
    })
  }
})
