import assert from 'node:assert/strict'
import { DEFAULT_REQUEST_BYTES, sizeOf, tooLargeFor } from '../../../../src/kafka/produce/request-limit'

describe('the size of a request', () => {
  const refusal = (bytes: number, limit = DEFAULT_REQUEST_BYTES) => tooLargeFor(limit, bytes, 'writing to t')

  it('is compared with the limit of the broker, with room for what surrounds the records', () => {
    assert.equal(refusal(104_000_000), undefined)
    assert.equal(refusal(104_857_600)?.code, 'KAFKA_RECORD_TOO_LARGE')
    assert.equal(refusal(60_000_000, 50_000_000)?.retryable, false)
    assert.match(
      refusal(110_000_000)?.message ?? '',
      /writing to t: 110,000,000 bytes .* 104,857,600 at most/,
    )
  })

  it('counts keys, values, headers, and what each record has besides', () => {
    const record = (key: string | null, value: Buffer | null, headers = {}) => ({
      key,
      value,
      headers,
      timestamp: 0,
    })
    const empty = sizeOf([record(null, null)])
    assert.ok(empty >= 10)
    assert.equal(sizeOf([record('ab', Buffer.alloc(3)), record(null, null)]), 2 * empty + 5)
    const headers = { unit: Buffer.from('bar'), both: ['x', 'yz'] }
    assert.equal(sizeOf([record(null, null, headers)]), empty + 'unit'.length + 3 + 2 + 'both'.length + 3 + 2)
  })
})
