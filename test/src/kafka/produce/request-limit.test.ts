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

  it('counts keys and values', () => {
    const record = (key: string | null, value: Buffer | null) => ({ key, value, headers: {}, timestamp: 0 })
    assert.equal(sizeOf([record('ab', Buffer.alloc(3)), record(null, null)]), 5)
  })
})
