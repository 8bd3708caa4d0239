import assert from 'node:assert/strict'
import { isTlsAlert, tlsWords, WANTS_TLS_CODE } from '../../../src/kafka/tls-errors'
import { english } from '../../../src/status/text'

describe('an error of TLS', () => {
  const cases: readonly (readonly [string | undefined, string, string])[] = [
    [WANTS_TLS_CODE, '', 'port speaks TLS only'],
    ['CERT_HAS_EXPIRED', 'certificate has expired', 'certificate expired'],
    ['CERT_NOT_YET_VALID', '', 'certificate not valid yet'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', '', 'certificate of another host'],
    ['SELF_SIGNED_CERT_IN_CHAIN', '', 'unknown certificate'],
    ['ECONNRESET', 'disconnected before secure TLS connection was established', 'port does not speak TLS'],
    ['EPROTO', 'SSL routines:ssl3_get_record:wrong version number', 'port does not speak TLS'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'sslv3 alert bad certificate', 'client certificate refused'],
    [undefined, 'tlsv13 alert certificate required', 'client certificate refused'],
    ['ERR_SSL_SOMETHING_NEW', 'text', 'TLS failed'],
  ]
  for (const [code, message, status] of cases) {
    it(`${code ?? message} is shown as "${status}"`, () => {
      const words = tlsWords(code, message)
      assert.ok(words !== undefined && words.advice.length > 10)
      assert.equal(english(words.status), status)
      assert.ok(`Kafka: ${status}`.length <= 40)
    })
  }

  it('is distinct from others', () => {
    assert.equal(tlsWords('ECONNREFUSED', 'connect ECONNREFUSED'), undefined)
    assert.equal(tlsWords(undefined, 'Closed connection'), undefined)
  })

  it('is distinct from an answer of Kafka by its first bytes', () => {
    assert.ok(isTlsAlert(Buffer.from([21, 3, 3, 0, 2, 2, 80])))
    const answer = Buffer.alloc(8)
    for (const length of [0, 300, 21 << 16, 2 ** 24]) {
      answer.writeInt32BE(length)
      assert.ok(!isTlsAlert(answer), `${length}`)
    }
    assert.ok(!isTlsAlert(Buffer.alloc(0)))
  })
})
